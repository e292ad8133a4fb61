"""Where things lie: records in chunks of the index, objects under their own keys or in bundles not yet promoted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.frames import FrameTable
from museui.core.ids import ObjectId, SnapshotId

from ..index.schema import bundles, objects, snapshots

_IDS_AT_ONCE = 4096

Id = TypeVar("Id", ObjectId, SnapshotId)


class RecordPlace(NamedTuple):
    """A record: its chunk, then offset and size in the uncompressed chunk."""

    chunk_id: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object lies: in the stored bundle ``bundle`` at ``raw_offset``, or (None) under its own key."""

    id: ObjectId
    size_bytes: int
    bundle: str | None
    raw_offset: int


async def locate_objects(connection: AsyncConnection, ids: Iterable[ObjectId]) -> dict[ObjectId, ObjectPlace]:
    """Where each of ``ids`` lies. What the hub does not hold is left out."""
    found: dict[ObjectId, ObjectPlace] = {}
    shared: dict[str | None, str | None] = {}
    for part in _parts(ids):
        for row in await connection.execute(select(objects).where(objects.c.id.in_(part))):
            object_id, bundle = part[row.id], shared.setdefault(row.bundle, row.bundle)
            found[object_id] = ObjectPlace(object_id, row.size_bytes, bundle, row.raw_offset or 0)
    return found


async def locate_snapshots(
    connection: AsyncConnection, repository_id: int, ids: Iterable[SnapshotId]
) -> dict[SnapshotId, RecordPlace]:
    """Where the records of those of ``ids`` lie that the repository holds."""
    found: dict[SnapshotId, RecordPlace] = {}
    shared: dict[str, str] = {}
    base = select(snapshots).where(snapshots.c.repository_id == repository_id)
    for part in _parts(ids):
        for row in await connection.execute(base.where(snapshots.c.id.in_(part))):
            chunk_id = shared.setdefault(row.chunk_id, row.chunk_id)
            found[part[row.id]] = RecordPlace(chunk_id, row.chunk_offset, row.chunk_size)
    return found


async def read_frame_tables(connection: AsyncConnection, bundle_ids: Iterable[str]) -> dict[str, FrameTable]:
    """How to find one's way in those of the stored bundles that are still there."""
    query = select(bundles.c.id, bundles.c.frames).where(bundles.c.id.in_(set(bundle_ids)))
    return {row.id: FrameTable.decode(row.frames) for row in await connection.execute(query)}


def _parts(ids: Iterable[Id]) -> Iterator[dict[bytes, Id]]:
    """A few thousand of ``ids`` at a time: as the tables spell them → as they were given, so nothing is held twice."""
    rest = iter(ids)
    while part := {bytes.fromhex(item): item for item in islice(rest, _IDS_AT_ONCE)}:
        yield part
