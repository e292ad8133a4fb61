"""The snapshots of a push, packed from their files by what differs from the file before.

A history is a thousand files that name the same paths, of which a few have another object each time.  Where the text
of an entry is that of the entry before, its packed form is, too; whatever does not look like the file before is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import msgpack

from museui.core.ids import ObjectId, SnapshotId
from museui.core.packing import OnEntry, SnapshotPacker, find_changed
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
        self._content, self._ends = content, ends
        header = msgpack.Packer(autoreset=True).pack_map_header
        before_manifest = pack("manifest") + header(len(self._paths))
        prefixes = [header(len(record)) + pack("snapshot_id"), *map(pack, self._paths)]
        if len(prefixes) > 1:
            prefixes[1] = before_manifest + prefixes[1]
        packed = [
            bytes(prefix) + b"\xd9\x47sha256:" + content[end - _DIGITS : end]
            for prefix, end in zip(prefixes, ends, strict=True)
        ]
        self._packed = bytearray().join(packed)
        self._packed_ends = list(accumulate(map(len, packed)))
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
        ends = self._ends
        rest = self._pack_rest(content[ends[-1] :])
        if rest is None:
            return None
        changed = find_changed(content, self._content, ends)
        if not all(self._is_entry(place, content) for place in changed):
            return None
        if content[ends[0] - _DIGITS : ends[0]] != snapshot_id.encode():
            return None
        for place in changed:
            digits, end = content[ends[place] - _DIGITS : ends[place]], self._packed_ends[place]
            self._packed[end - _DIGITS : end] = digits
            if place:
                on_entry(ObjectId(digits.decode()), self._paths[place - 1])
        self._content = content
        return b"".join((self._packed, rest))

    def _is_entry(self, place: int, content: bytes) -> bool:
        """Whether ``content`` has the text of this place there, and an id."""
        start, digits_at = self._ends[place - 1] if place else 0, self._ends[place] - _DIGITS
        same_text = content[start:digits_at] == self._content[start:digits_at]
        return same_text and _is_hex(content[digits_at : self._ends[place]]) is not None

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
