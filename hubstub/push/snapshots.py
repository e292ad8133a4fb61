"""Reading the snapshots of a bundle without taking apart what the one before had too.

A history is a thousand manifests of the same paths, of which a few name another object each time.  Where the bytes of
an entry are those of the entry before, everything that was checked about it holds still; only what differs is looked
at.  Whatever does not look like the snapshot before is read in full.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import msgpack

from museui.core.bundle import refuse_twice
from museui.core.errors import Integrity, MuseError
from museui.core.ids import ObjectId, SnapshotId
from museui.core.limits import Limits
from museui.core.packing import SnapshotPacker, find_changed
from museui.core.records import Snapshot, SnapshotParser, check_value
from museui.core.unpack import StreamUnpacker

_ID_KEY = b"\xabsnapshot_id\xd9\x47sha256:"
_MANIFEST_KEY = b"\xa8manifest"
_OBJECT = b"\xd9\x47sha256:"
_DIGITS = 64
_MAX_REST_BYTES = 4096
_MAX_REMEMBERED = 20_000
_is_hex = re.compile(rb"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class PackedSnapshot:
    """A snapshot whose paths and id have been checked, as the record to keep (msgpack, bare ids)."""

    id: SnapshotId
    record: bytes


class SnapshotReader:
    """Reads snapshots and packs them; ``on_entry`` hears each object id that the snapshot before did not name."""

    def __init__(self, on_entry: Callable[[ObjectId], None]) -> None:
        self._on_entry = on_entry
        self._packer = SnapshotPacker(bare_ids=True, on_entry=lambda object_id, path: on_entry(object_id))
        self._last: _Manifest | None = None

    def pack(self, snapshot: Snapshot) -> PackedSnapshot:
        """One that was read already."""
        return PackedSnapshot(snapshot.id, self._packer.pack(snapshot))

    def read(self, source: StreamUnpacker, count: int, limits: Limits) -> Iterator[PackedSnapshot]:
        """``count`` snapshots, none twice. Raises as :meth:`~museui.core.records.SnapshotParser.parse` does."""
        parser = SnapshotParser(limits.max_manifest_entries)
        seen: set[str] = set()
        with source.small_bites():
            for _ in range(count):
                packed = self._last.read_next(source, self._on_entry) if self._last else None
                if packed is None:
                    snapshot = parser.parse(source.value())
                    packed = self.pack(snapshot)
                    self._last = _Manifest.of(snapshot)
                refuse_twice(packed.id, seen, "snapshot")
                yield packed


class _Manifest:
    """The entries of one snapshot: as the bundle writes them, as its id covers them, and as they are kept."""

    def __init__(self, snapshot: Snapshot) -> None:
        pack = msgpack.Packer(autoreset=True)
        self._pack = pack
        self._count = len(snapshot.fields)
        size = pack.pack_map_header(len(snapshot.manifest))
        self._head = pack.pack_map_header(self._count) + _ID_KEY
        self._after_id = _MANIFEST_KEY + size
        self._kept_head = pack.pack_map_header(self._count) + b"\xabsnapshot_id\xd9\x40"
        paths = [bytes(pack.pack(path)) for path in snapshot.manifest]
        digits = [object_id.encode() for object_id in snapshot.manifest.values()]
        self._wire = b"".join(path + _OBJECT + item for path, item in zip(paths, digits, strict=True))
        self._ends = list(accumulate(len(path) + len(_OBJECT) + _DIGITS for path in paths))
        self._kept = bytearray().join(path + b"\xd9\x40" + item for path, item in zip(paths, digits, strict=True))
        self._kept_ends = list(accumulate(len(path) + 2 + _DIGITS for path in paths))
        # NUL ends a path and is in none, so the object ids do not take part in the order.
        lines = sorted((path, place) for place, path in enumerate(snapshot.manifest))
        self._lines = bytearray(b"\0").join(path.encode() + b"\0" + digits[place] for path, place in lines)
        line_ends = accumulate(len(path.encode()) + 2 + _DIGITS for path, _ in lines)
        self._line_ends = {place: end - 1 for (_, place), end in zip(lines, line_ends, strict=True)}

    @classmethod
    def of(cls, snapshot: Snapshot) -> _Manifest | None:
        """None where the next snapshot cannot be told from this one (fields in another order, folders to check), or
        where remembering it would take more than it is worth.
        """
        if len(snapshot.manifest) > _MAX_REMEMBERED:
            return None
        if list(snapshot.fields)[:2] != ["snapshot_id", "manifest"] or snapshot.fields.get("directories"):
            return None
        return cls(snapshot)

    def read_next(self, source: StreamUnpacker, on_entry: Callable[[ObjectId], None]) -> PackedSnapshot | None:
        """The snapshot that begins here, if it has the very same paths; None, and nothing was taken, if not.

        Raises :class:`Integrity` for an id that does not match.
        """
        id_at = len(self._head)
        body_at, body_size = id_at + _DIGITS + len(self._after_id), len(self._wire)
        raw = source.peek(body_at + body_size + _MAX_REST_BYTES)
        snapshot_id = raw[id_at : id_at + _DIGITS]
        if not (
            raw.startswith(self._head) and raw.startswith(self._after_id, id_at + _DIGITS) and _is_hex(snapshot_id)
        ):
            return None
        body = raw[body_at : body_at + body_size]
        changed = find_changed(body, self._wire, self._ends)
        if not all(self._is_entry(place, body) for place in changed):
            return None
        rest = self._read_rest(raw[body_at + body_size :])
        if rest is None:
            return None
        rest_size, rest_fields = rest
        for place in changed:
            digits = body[self._ends[place] - _DIGITS : self._ends[place]]
            _put_digits(self._kept, self._kept_ends[place], digits)
            _put_digits(self._lines, self._line_ends[place], digits)
            on_entry(ObjectId(digits.decode()))
        self._wire = body
        actual = hashlib.sha256(self._lines).hexdigest()
        found = SnapshotId(snapshot_id.decode())
        if actual != found:
            raise Integrity(
                f"snapshot {found} does not match its manifest (which hashes to {actual[:12]}…)",
                details={"snapshot_id": found, "rule": "snapshot_id"},
            )
        source.take(body_at + body_size + rest_size)
        record = b"".join((self._kept_head, snapshot_id, self._after_id, self._kept, rest_fields))
        return PackedSnapshot(found, record)

    def _is_entry(self, place: int, body: bytes) -> bool:
        """Whether ``body`` has the path of this place and an object id there."""
        start, digits_at = self._ends[place - 1] if place else 0, self._ends[place] - _DIGITS
        same_path = body[start:digits_at] == self._wire[start:digits_at]
        return same_path and _is_hex(body[digits_at : self._ends[place]]) is not None

    def _read_rest(self, raw: bytes) -> tuple[int, bytes] | None:
        """Size and bytes of the fields after the manifest; None for what is not small and plain."""
        unpacker = msgpack.Unpacker(strict_map_key=True, max_map_len=0)
        unpacker.feed(raw)
        parts: list[bytes] = []
        names = {"snapshot_id", "manifest", "directories"}
        try:
            for _ in range(self._count - 2):
                name: Any = unpacker.unpack()
                value = unpacker.unpack()
                if not isinstance(name, str) or name in names:
                    return None
                names.add(name)
                check_value(value, "snapshot")
                parts += (self._pack.pack(name), self._pack.pack(value))
        except (msgpack.UnpackException, MuseError, ValueError, TypeError):
            return None
        return unpacker.tell(), b"".join(parts)


def _put_digits(text: bytearray, end: int, digits: bytes) -> None:
    text[end - _DIGITS : end] = digits
