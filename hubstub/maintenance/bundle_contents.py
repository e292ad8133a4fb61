"""What a stored bundle holds, read from the bundle itself, whatever the index says, as far as it is not damaged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from museui.core.bundle import ObjectEntry, read_bundle
from museui.core.errors import Integrity, MuseError, NotFound
from museui.core.frames import iter_raw
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.stream import read_stream
from museui.core.unpack import StreamUnpacker

from ..push.envelope import read_envelope
from ..push.snapshots import SnapshotReader
from ..push.verify import Form
from ..store.base import ObjectStore

_ANYTHING = 1 << 40
STORED_LIMITS = Limits(**dict.fromkeys(Limits.__dataclass_fields__, _ANYTHING))
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


def find_form(read: Callable[[], Iterable[bytes]]) -> Form:
    """Return what the stored bytes that ``read`` gives are once uncompressed. Blocks: for worker threads."""
    first = next(iter_raw(read(), _ANYTHING), b"")
    if first[:1] == b"\x92":  # a pair, as every frame of a stream
        return "stream"
    names = StreamUnpacker([first], _ANYTHING)
    try:
        keys = {names.text("a key") for _ in range(min(1, names.map_size("the message")))}
    except MuseError:
        return "bundle"
    return "envelope" if keys <= {"bundle", "branch", "force"} and keys else "bundle"


def _iter_objects(store: ObjectStore, key: str) -> Iterator[ObjectEntry]:
    """The objects up to the first damage that hides what comes after it."""
    try:
        form = find_form(lambda: store.read(key))
        raw = iter_raw(store.read(key), _ANYTHING)
        items: Iterator[object]
        if form == "stream":
            items = read_stream(raw, STORED_LIMITS)
        elif form == "envelope":
            items = read_envelope(raw, STORED_LIMITS, SnapshotReader(lambda _: None).read)
        else:
            items = read_bundle(raw, STORED_LIMITS)
        for item in items:
            if isinstance(item, ObjectEntry):
                yield item
    except MuseError:
        return
