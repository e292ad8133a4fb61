"""Packing the snapshots of one history: a manifest repeats most of the one before, so each entry is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgpack

from .errors import Invalid
from .ids import ObjectId, SnapshotId, parse_id, qualified
from .records import Snapshot

OnEntry = Callable[[ObjectId, str], object]

_MAX_ENTRIES = 1 << 18
_AT_ONCE = 8


class _Entries(dict[tuple[str, str], bytes]):
    """(path, object id in either spelling) → the entry as msgpack; what is not there yet is encoded and announced."""

    def __init__(self, spell: Callable[[str], str], on_entry: OnEntry) -> None:
        super().__init__()
        self._spell = spell
        self._on_entry = on_entry

    def __missing__(self, entry: tuple[str, str]) -> bytes:
        path, spelled = entry
        object_id = ObjectId(parse_id(spelled, f"the object of {path!r:.200}"))
        packed = self[entry] = msgpack.packb(path) + msgpack.packb(self._spell(object_id))
        self._on_entry(object_id, path)
        return bytes(packed)


class SnapshotPacker:
    """Turns snapshots into msgpack records, fields in the order they came."""

    def __init__(self, *, bare_ids: bool = False, on_entry: OnEntry = lambda object_id, path: None) -> None:
        """``bare_ids`` writes ids without ``sha256:``.

        ``on_entry`` hears the object and the path of every entry that the snapshots before did not have, in order of
        first use; now and then of one that they had.
        """
        self._spell: Callable[[str], str] = str if bare_ids else qualified
        self._entries = _Entries(self._spell, on_entry)
        self._packer = msgpack.Packer(autoreset=True)

    def pack(self, snapshot: Snapshot) -> bytes:
        """The snapshot's record. Raises :class:`Invalid` for what msgpack cannot hold (numbers over 64 bits)."""
        return self.pack_fields(snapshot.id, snapshot.fields, snapshot.manifest)

    def pack_fields(self, snapshot_id: SnapshotId, fields: Mapping[str, Any], manifest: Mapping[str, str]) -> bytes:
        """As :meth:`pack`, from a record that nobody has checked: only the object ids are looked at here.

        Raises :class:`Invalid` for an object id that is none, too, and for values that no record holds.
        """
        pack = self._packer.pack
        parts = [self._packer.pack_map_header(len(fields))]
        try:
            for name, value in fields.items():
                parts.append(pack(name))
                if name == "manifest":
                    parts.append(self._pack_manifest(manifest))
                else:
                    parts.append(pack(self._spell(snapshot_id) if name == "snapshot_id" else value))
        except (ValueError, OverflowError, TypeError) as exc:
            raise Invalid(f"snapshot {snapshot_id} cannot be sent: {exc}"[:200]) from exc
        return b"".join(parts)

    def _pack_manifest(self, manifest: Mapping[str, str]) -> bytes:
        if len(self._entries) > _MAX_ENTRIES:
            self._entries.clear()
        header: bytes = self._packer.pack_map_header(len(manifest))
        return header + b"".join(map(self._entries.__getitem__, manifest.items()))


def find_changed(text: bytes, before: bytes, ends: Sequence[int]) -> list[int]:
    """Which pieces of ``text`` are others than those of ``before``; each begins where the one before it ends."""
    changed: list[int] = []
    begin = 0
    for first in range(0, len(ends), _AT_ONCE):
        few = ends[first : first + _AT_ONCE]
        start, begin = begin, few[-1]
        if text[start:begin] == before[start:begin]:
            continue
        for place, end in enumerate(few, first):
            if text[start:end] != before[start:end]:
                changed.append(place)
            start = end
    return changed


def order_objects(paths: Mapping[ObjectId, str]) -> list[ObjectId]:
    """Objects in the order to send them in, from the path that each was found at.

    The versions of one file lie one after the other: what a version repeats is near enough for the compressor to see.
    """
    return sorted(paths, key=paths.__getitem__)
