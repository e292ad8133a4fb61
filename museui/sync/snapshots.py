"""The snapshots of a push, packed from their files by what differs from the file before.

A history is a thousand files that name the same paths, of which a few have another object each time.  Where the text
of an entry is that of the entry before, its packed form is, too; whatever does not look like the file before is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgpack

from museui.core.ids import ObjectId, SnapshotId
from museui.core.packing import OnEntry, SnapshotPacker
from museui.repo.records import PLAIN_SNAPSHOT
from museui.repo.store import Store

_DIGITS = 64
_MAX_REMEMBERED = 20_000
_find_ids = re.compile(rb'"([0-9a-f]{64})"').finditer
_is_hex = re.compile(rb"[0-9a-f]{64}").fullmatch


class SnapshotFiles:
    """Packs snapshots for a bundle; ``on_entry`` hears each object that the snapshot before did not name."""

    def __init__(self, store: Store, on_entry: OnEntry) -> None:
        self._store = store
        self._on_entry = on_entry
        self._packer = SnapshotPacker(on_entry=on_entry)
        self._last: _SnapshotFile | None = None

    def pack(self, snapshot_id: SnapshotId) -> bytes:
        """The record of one snapshot. Nothing but its shape is checked: the hub checks every record, and one that is
        damaged here costs no more than a refusal.

        Raises :class:`~museui.core.errors.Integrity` when it is missing or no record, and as
        :meth:`SnapshotPacker.pack_fields` does.
        """
        content, path = self._store.read_snapshot_file(snapshot_id)
        packed = self._last.pack_next(content, snapshot_id, self._on_entry) if self._last else None
        if packed is None:
            record = self._store.parse_snapshot_file(content, snapshot_id, path)
            packed = self._packer.pack_fields(snapshot_id, record, record["manifest"])
            self._last = _SnapshotFile.of(content, snapshot_id, record)
        return packed


class _SnapshotFile:
    """The text of a snapshot's file, cut after each id, and the packed form of each piece."""

    def __init__(self, content: bytes, ends: list[int], record: Mapping[str, Any]) -> None:
        pack = msgpack.Packer(autoreset=True).pack
        self._rest = [name for name in record if name not in ("snapshot_id", "manifest")]
        self._paths = list(record["manifest"])
        starts = [0, *ends[:-1]]
        self._pieces = [(start, end, content[start:end]) for start, end in zip(starts, ends, strict=True)]
        header = msgpack.Packer(autoreset=True).pack_map_header
        before_manifest = pack("manifest") + header(len(self._paths))
        prefixes = [header(len(record)) + pack("snapshot_id"), *map(pack, self._paths)]
        if len(prefixes) > 1:
            prefixes[1] = before_manifest + prefixes[1]
        self._prefixes = [bytes(prefix) + b"\xd9\x47sha256:" for prefix in prefixes]
        self._packed = [prefix + content[end - _DIGITS : end] for prefix, end in zip(self._prefixes, ends, strict=True)]
        self._pack = pack

    @classmethod
    def of(cls, content: bytes, snapshot_id: SnapshotId, record: Mapping[str, Any]) -> _SnapshotFile | None:
        """None for a file from which the next cannot be told: fields in another order, ids where none are expected, too
        many to remember.
        """
        plain = list(record)[:2] == ["snapshot_id", "manifest"] and record.keys() <= PLAIN_SNAPSHOT
        if not plain or not 0 < len(record["manifest"]) <= _MAX_REMEMBERED:
            return None
        found = list(_find_ids(content))
        if [item[1].decode() for item in found] != [snapshot_id, *record["manifest"].values()]:
            return None
        return cls(content, [item.end(1) for item in found], record)

    def pack_next(self, content: bytes, snapshot_id: SnapshotId, on_entry: OnEntry) -> bytes | None:
        """The record in ``content``, if it has the very same paths; None if not."""
        rest = self._pack_rest(content[self._pieces[-1][1] :])
        if rest is None:
            return None
        changed = {
            place: content[start:end]
            for place, (start, end, piece) in enumerate(self._pieces)
            if content[start:end] != piece
        }
        for place, piece in changed.items():
            if piece[:-_DIGITS] != self._pieces[place][2][:-_DIGITS] or not _is_hex(piece[-_DIGITS:]):
                return None
        if content[: self._pieces[0][1]][-_DIGITS:] != snapshot_id.encode():
            return None
        for place, piece in changed.items():
            self._pieces[place] = (*self._pieces[place][:2], piece)
            self._packed[place] = self._prefixes[place] + piece[-_DIGITS:]
            if place:
                on_entry(ObjectId(piece[-_DIGITS:].decode()), self._paths[place - 1])
        return b"".join((*self._packed, rest))

    def _pack_rest(self, text: bytes) -> bytes | None:
        """The fields after the manifest, from the text that follows its last id; None for others than before."""
        import orjson

        try:
            fields = orjson.loads(b'{"":{"":"' + text)
            if list(fields) != ["", *self._rest] or len(fields[""]) != 1:
                return None
            return b"".join(self._pack(name) + self._pack(fields[name]) for name in self._rest)
        except (ValueError, OverflowError, TypeError):
            return None
