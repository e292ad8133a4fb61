"""The bytes of an object, wherever they lie.

Promotion may move an object between the moment it was looked up and the moment it is read; then it is looked up again.
An object whose bundle is gone is read under its own key: in a backup, the index is older than the store beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from museui.core.errors import Internal, NotFound
from museui.core.frames import StretchReader

from ..store.base import ObjectStore
from ..store.keys import bundle_key, object_key
from .lookup import Lookup
from .places import ObjectPlace


def sort_for_reading(places: Iterable[ObjectPlace]) -> list[ObjectPlace]:
    """Those inside bundles first, bundle by bundle in the order they lie there; then the others as they come."""
    return sorted(places, key=lambda place: (place.bundle is None, place.bundle or "", place.raw_offset))


class ObjectReader:
    """Reads objects one after the other, in worker threads; cheap in the order of :func:`sort_for_reading`."""

    def __init__(self, store: ObjectStore, lookup: Lookup) -> None:
        self._store = store
        self._lookup = lookup
        self._bundle = ""
        self._reader: StretchReader | None = None

    def pieces(self, place: ObjectPlace, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
        """``size`` bytes of the object from ``offset`` on (both inside it), at most a few MiB at a time.

        Raises :class:`Internal` when the index is wrong about where it lies.
        """
        size = place.size_bytes - offset if size is None else size
        if not size:
            return
        try:
            pieces = self._open(place, offset, size)
            first = next(pieces, b"")
        except NotFound as exc:
            self._reader = None
            found = self._lookup.objects([place.id]).get(place.id)
            if found is None or (found == place and place.bundle is None):
                raise Internal(f"the store has lost object {place.id}") from exc
            if found == place:  # of a bundle that was promoted since the index was copied
                found = ObjectPlace(place.id, place.size_bytes, None, 0)
            try:
                pieces = self._open(found, offset, size)
                first = next(pieces, b"")
            except NotFound:
                raise Internal(f"the store has lost object {place.id}") from exc
        yield first
        yield from pieces

    def _open(self, place: ObjectPlace, offset: int, size: int) -> Iterator[bytes]:
        if place.bundle is None:
            return self._store.read(object_key(place.id), offset, size)
        if self._reader is None or self._bundle != place.bundle:
            table = self._lookup.frame_tables([place.bundle]).get(place.bundle)
            if table is None:
                raise NotFound(f"stored bundle {place.bundle} has been promoted")
            key = bundle_key(place.bundle)
            reader = StretchReader(lambda wire_offset: self._store.read(key, wire_offset), table)
            self._bundle, self._reader = place.bundle, reader
        return self._reader.pieces(place.raw_offset + offset, size)
