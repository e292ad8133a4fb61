"""The bundle a fetch answers with, made record by record while it is sent: in worker threads, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import msgpack

from museui.core.bundle import FORMAT, ObjectSource, write_bundle
from museui.core.errors import Internal
from museui.core.ids import CommitId, ObjectId, SnapshotId, qualified
from museui.core.packing import SnapshotPacker, order_objects
from museui.core.records import Commit

from ..store.base import ObjectStore
from .lookup import Lookup
from .objects import ObjectReader, sort_for_reading
from .places import RecordPlace
from .plan import FetchPlan

_PIECE_BYTES = 1 << 18


def write_fetch(plan: FetchPlan, store: ObjectStore, lookup: Lookup, bare_ids: bool) -> Iterator[bytes]:
    """The uncompressed bundle in parts; ``bare_ids`` as the 0.1.x protocol spells them."""
    needed: dict[ObjectId, str] = {}
    spell = (lambda digits: digits) if bare_ids else qualified
    packer = SnapshotPacker(bare_ids=bare_ids, on_entry=needed.setdefault)

    def snapshots() -> Iterator[bytes]:
        for place in plan.snapshots:
            fields = msgpack.unpackb(lookup.record(place))
            yield packer.pack_fields(fields["snapshot_id"], fields, fields["manifest"])

    def objects() -> tuple[int, Iterator[ObjectSource]]:
        for place in plan.base_snapshots:
            for object_id in msgpack.unpackb(lookup.record(place))["manifest"].values():
                needed.pop(object_id, None)
        places = lookup.objects(needed)
        for object_id in needed:
            if object_id not in places:
                raise Internal(f"the index has lost object {object_id}")
        reader = ObjectReader(store, lookup)
        ordered = sort_for_reading(places[object_id] for object_id in order_objects(needed))
        return len(ordered), (ObjectSource(place.id, place.size_bytes, reader.pieces(place)) for place in ordered)

    return write_bundle(
        meta={
            "mode": "incremental" if plan.base else "full",
            "base_commits": [spell(item) for item in plan.base],
            "format": FORMAT,
            "tool": "museui hub",
        },
        branch_heads=plan.branch_heads,
        commits=_CommitRecords(plan.commits, lookup, bare_ids),
        snapshots=(len(plan.snapshots), snapshots()),
        objects=objects,
        bare_ids=bare_ids,
    )


class _CommitRecords(Sequence[bytes]):
    """The commit records of a fetch, each read when it is its turn."""

    def __init__(self, places: Sequence[RecordPlace], lookup: Lookup, bare_ids: bool) -> None:
        self._places = places
        self._lookup = lookup
        self._bare_ids = bare_ids

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return _CommitRecords(self._places[index], self._lookup, self._bare_ids)
        record = self._lookup.record(self._places[index])
        return record if self._bare_ids else _pack_commit(msgpack.unpackb(record))


def _pack_commit(fields: dict[str, Any]) -> bytes:
    commit = Commit(CommitId(fields["commit_id"]), (), SnapshotId(fields["snapshot_id"]), fields)
    return bytes(msgpack.packb(commit.wire_fields()))


def gather_pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least 256 KiB, the last aside."""
    held: list[bytes] = []
    held_bytes = 0
    for part in parts:
        held.append(part)
        held_bytes += len(part)
        if held_bytes >= _PIECE_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
    if held:
        yield b"".join(held)
