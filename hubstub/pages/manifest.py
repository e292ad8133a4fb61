"""The files of a snapshot, found in its record without holding all of it: a manifest may name 250,000.

Records are read in two threads at most, whatever the number of people who look.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import msgpack

from museui.core.errors import Internal
from museui.core.ids import ObjectId, SnapshotId

from ..fetch.lookup import Lookup
from ..fetch.places import RecordPlace, locate_snapshots
from ..state import HubState

T = TypeVar("T")

COMPARED_MAX_BYTES = 4 << 20
"""Snapshots are compared up to this size of their records."""
_readers = ThreadPoolExecutor(2, thread_name_prefix="pages")


@dataclass(frozen=True, slots=True)
class Listing:
    """A stretch of a folder, folders (name, number of files below) first, then files (name, object).

    ``file`` is set instead when the path is a file.  ``total`` counts the files below; ``after`` begins the next page.
    """

    folders: list[tuple[str, int]] = field(default_factory=list)
    files: list[tuple[str, ObjectId]] = field(default_factory=list)
    total: int = 0
    after: str = ""
    file: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from another snapshot: paths, sorted, and how many there are; the lists may be cut short."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    counts: tuple[int, int, int]


async def with_record(hub: HubState, repository_id: int, snapshot_id: SnapshotId, read: Callable[[bytes], T]) -> T:
    """What ``read``, run in a thread, makes of a snapshot's record."""
    place = (await _places(hub, repository_id, [snapshot_id]))[0]
    lookup = Lookup(hub.database)
    return await asyncio.get_running_loop().run_in_executor(_readers, lambda: read(lookup.record(place)))


async def compare_snapshots(
    hub: HubState, repository_id: int, old: SnapshotId | None, new: SnapshotId, limit: int
) -> Changes | None:
    """The changes from ``old`` (None: no files) to ``new``, at most ``limit`` paths of a kind; None when too large."""
    places = await _places(hub, repository_id, [new] if old is None else [new, old])
    if any(place.size > COMPARED_MAX_BYTES for place in places):
        return None
    lookup = Lookup(hub.database)

    def compare() -> Changes:
        after, *before = [dict(iter_entries(lookup.record(place))) for place in places]
        return _compare(before[0] if before else {}, after, limit)

    return await asyncio.get_running_loop().run_in_executor(_readers, compare)


async def _places(hub: HubState, repository_id: int, ids: list[SnapshotId]) -> list[RecordPlace]:
    async with hub.database.read() as connection:
        found = await locate_snapshots(connection, repository_id, ids)
    try:
        return [found[item] for item in ids]
    except KeyError as exc:
        raise Internal(f"the index has lost snapshot {exc.args[0]}") from exc


def iter_entries(record: bytes) -> Iterator[tuple[str, ObjectId]]:
    """(path, object) of each file in a snapshot's record, as it stands there."""
    unpacker = msgpack.Unpacker(max_buffer_size=len(record))
    unpacker.feed(record)
    for _ in range(unpacker.read_map_header()):
        if unpacker.unpack() != "manifest":
            unpacker.skip()
            continue
        for _ in range(unpacker.read_map_header()):
            yield unpacker.unpack(), ObjectId(unpacker.unpack())


def list_folder(entries: Iterator[tuple[str, ObjectId]], folder: str, after: str, limit: int) -> Listing | None:
    """What lies right in ``folder`` ("": the root) behind ``after``; None when there is no such folder or file."""
    prefix = folder + "/" if folder else ""
    counts: dict[str, int] = {}
    total = 0
    file: ObjectId | None = None

    def files() -> Iterator[tuple[str, str, str]]:
        nonlocal total, file
        for path, object_id in entries:
            if path.startswith(prefix):
                total += 1
                name, slash, _ = path[len(prefix) :].partition("/")
                if slash:
                    counts[name] = counts.get(name, 0) + 1
                elif ("f", name) > start:
                    yield "f", name, object_id
            elif path == folder:
                file = object_id

    start = (after[:1], after[1:])
    first_files = heapq.nsmallest(limit + 1, files())
    if file is not None:
        return Listing(file=file)
    if not total and folder:
        return None
    first_folders = heapq.nsmallest(limit + 1, [("d", name, "") for name in counts if ("d", name) > start])
    items = (first_folders + first_files)[: limit + 1]
    more = len(items) > limit
    del items[limit:]
    return Listing(
        [(name, counts[name]) for kind, name, _ in items if kind == "d"],
        [(name, ObjectId(object_id)) for kind, name, object_id in items if kind == "f"],
        total,
        "".join(items[-1][:2]) if more else "",
    )


def first_entries(entries: Iterator[tuple[str, ObjectId]], limit: int) -> tuple[list[tuple[str, ObjectId]], int]:
    """All files, sorted by path, when they are at most ``limit``, else none; and how many there are."""
    kept: list[tuple[str, ObjectId]] = []
    total = 0
    for entry in entries:
        total += 1
        if total <= limit:
            kept.append(entry)
    return (sorted(kept) if total <= limit else []), total


def _compare(before: dict[str, ObjectId], after: dict[str, ObjectId], limit: int) -> Changes:
    added = sorted(after.keys() - before.keys())
    removed = sorted(before.keys() - after.keys())
    changed = sorted(path for path in after.keys() & before.keys() if after[path] != before[path])
    counts = len(added), len(changed), len(removed)
    return Changes(added[:limit], changed[:limit], removed[:limit], counts)
