"""Packing the snapshots of one history: a manifest repeats most of the one before, so each entry is encoded once."""

from __future__ import annotations

from collections.abc import Callable

import msgpack

from .errors import Invalid
from .ids import ObjectId, qualified
from .records import Snapshot

_MAX_ENTRIES = 1 << 18


class _Entries(dict[tuple[str, ObjectId], bytes]):
    """(path, object id) → the entry as msgpack; what is not there yet is encoded and announced."""

    def __init__(self, spell: Callable[[str], str], on_entry: Callable[[ObjectId], None]) -> None:
        super().__init__()
        self._spell = spell
        self._on_entry = on_entry

    def __missing__(self, entry: tuple[str, ObjectId]) -> bytes:
        path, object_id = entry
        packed = self[entry] = msgpack.packb(path) + msgpack.packb(self._spell(object_id))
        self._on_entry(object_id)
        return bytes(packed)


class SnapshotPacker:
    """Turns snapshots into msgpack records, fields in the order they came."""

    def __init__(
        self, *, bare_ids: bool = False, on_entry: Callable[[ObjectId], None] = lambda object_id: None
    ) -> None:
        """``bare_ids`` writes ids without ``sha256:``.

        ``on_entry`` hears the object of every entry that the snapshots before did not have, in order of first use; now
        and then of one that they had.
        """
        self._spell: Callable[[str], str] = str if bare_ids else qualified
        self._entries = _Entries(self._spell, on_entry)
        self._packer = msgpack.Packer(autoreset=True)

    def pack(self, snapshot: Snapshot) -> bytes:
        """The snapshot's record. Raises :class:`Invalid` for what msgpack cannot hold (numbers over 64 bits)."""
        pack = self._packer.pack
        parts = [self._packer.pack_map_header(len(snapshot.fields))]
        try:
            for name, value in snapshot.fields.items():
                parts.append(pack(name))
                if name == "manifest":
                    parts.append(self._pack_manifest(snapshot))
                else:
                    parts.append(pack(self._spell(snapshot.id) if name == "snapshot_id" else value))
        except (ValueError, OverflowError) as exc:
            raise Invalid(f"snapshot {snapshot.id} cannot be sent: {exc}"[:200]) from exc
        return b"".join(parts)

    def _pack_manifest(self, snapshot: Snapshot) -> bytes:
        if len(self._entries) > _MAX_ENTRIES:
            self._entries.clear()
        header: bytes = self._packer.pack_map_header(len(snapshot.manifest))
        return header + b"".join(map(self._entries.__getitem__, snapshot.manifest.items()))
