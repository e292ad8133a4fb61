"""What a stored bundle holds, read from the bundle itself, whatever the index says, as far as it is not damaged."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

from museui.core.bundle import ObjectEntry, read_bundle
from museui.core.errors import Integrity, MuseError, NotFound
from museui.core.frames import iter_raw
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.stream import read_stream

from ..store.base import ObjectStore

_ANYTHING = 1 << 40
_LIMITS = Limits(**dict.fromkeys(Limits.__dataclass_fields__, _ANYTHING))
"""What is stored was within the limits of its time."""


def find_in_bundle(store: ObjectStore, key: str, wanted: Collection[ObjectId]) -> list[ObjectId]:
    """Those of ``wanted`` that are whole in the bundle under ``key``. Blocks: for worker threads."""
    found: list[ObjectId] = []
    for entry in _iter_objects(store, key):
        try:
            for _ in entry.pieces():
                pass
        except Integrity:
            continue
        if entry.id in wanted:
            found.append(entry.id)
    return found


def copy_from_bundle(store: ObjectStore, key: str, object_id: ObjectId, path: Path) -> None:
    """Write one object of the bundle to ``path``. Blocks: for worker threads. Raises :class:`NotFound`."""
    for entry in _iter_objects(store, key):
        if entry.id == object_id:
            with path.open("wb") as file:
                file.writelines(entry.pieces())
            return
    raise NotFound(f"object {object_id} is not in {key}")


def _iter_objects(store: ObjectStore, key: str) -> Iterator[ObjectEntry]:
    """The objects up to the first damage that hides what comes after it."""
    raw = iter_raw(store.read(key), _ANYTHING)
    try:
        first = next(raw, b"")
        is_stream = first[:1] == b"\x92"  # a pair, as every frame of a stream
        read = read_stream if is_stream else read_bundle
        for item in read(chain([first], raw), _LIMITS):
            if isinstance(item, ObjectEntry):
                yield item
    except MuseError:
        return
