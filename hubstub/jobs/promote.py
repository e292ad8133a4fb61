"""``bundle.index``: every object of a stored bundle gets its own key; then the bundle goes.

Objects move in groups: read, hashed again, written and synced, then their rows change; a crash in between repeats one
group.  Nobody waits for this, so it makes way for pushes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from museui.core.errors import Integrity, NotFound, Unavailable
from museui.core.failpoints import failpoint
from museui.core.frames import FrameTable, StretchReader
from museui.core.ids import ObjectId, hash_object

from ..arrivals.spool import Spool
from ..index import schema
from ..index.job_queue import LEASE_S, Job, extend_lease, finish_job
from ..maintenance.deletions import find_doomed, finish_deletions
from ..state import HubState
from ..store.base import ObjectStore
from ..store.keys import bundle_key, object_key
from ..store.whole import lies_whole

_GROUP_OBJECTS = 256
_GROUP_BYTES = 16 << 20
_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An object that still lies in the bundle: ``offset`` and size in its uncompressed stream."""

    id: str
    offset: int
    size_bytes: int


async def promote_bundle(hub: HubState, job: Job) -> None:
    """Move what is left of the bundle ``job.subject`` and end the job.

    Raises :class:`Integrity` when, with all others moved, some objects are damaged; they and the bundle stay.
    """
    bundle = job.subject
    await finish_deletions(hub)
    async with hub.database.read() as connection:
        query = select(schema.bundles.c.frames).where(schema.bundles.c.id == bundle)
        frames = (await connection.execute(query)).scalar_one_or_none()
    damaged: list[str] = []
    if frames is not None:
        reader = StretchReader(lambda offset: hub.store.read(bundle_key(bundle), offset), FrameTable.decode(frames))
        after = -1
        while group := await _next_group(hub, bundle, after):
            await hub.desk.wait_quiet()
            await _require_undisturbed(hub, group)
            damaged += await _move(hub, job, reader, group)
            after = group[-1].offset
            await asyncio.sleep(_PAUSE_S)
    if damaged and await hub.store.stat(bundle_key(bundle)) is None:
        raise NotFound(f"stored bundle {bundle} is gone, and {len(damaged)} of its objects with it")  # it may come back
    if damaged:
        raise Integrity(
            f"{len(damaged)} objects of stored bundle {bundle} are damaged, the first is {damaged[0]}",
            details={"bundle": bundle, "object_ids": damaged[:100]},
        )
    failpoint("promote.done")
    await hub.store.delete([bundle_key(bundle)])  # before its row, or a crash would leave a file that no row names
    await _drop_bundle(hub, job)


async def _next_group(hub: HubState, bundle: str, after: int) -> list[_Waiting]:
    objects = schema.objects
    query = (
        select(objects.c.id, objects.c.raw_offset, objects.c.size_bytes)
        .where(objects.c.bundle == bundle, objects.c.raw_offset > after)
        .order_by(objects.c.raw_offset)
        .limit(_GROUP_OBJECTS)
    )
    async with hub.database.read() as connection:
        rows = (await connection.execute(query)).all()
    group: list[_Waiting] = []
    size_bytes = 0
    for row in rows:
        size_bytes += row.size_bytes
        if group and size_bytes > _GROUP_BYTES:
            break
        group.append(_Waiting(row.id.hex(), row.raw_offset, row.size_bytes))
    return group


async def _require_undisturbed(hub: HubState, group: Sequence[_Waiting]) -> None:
    """Raise :class:`Unavailable` while a file that shall be written is being deleted."""
    async with hub.database.read() as connection:
        if await find_doomed(connection, [ObjectId(item.id) for item in group]):
            raise Unavailable("old files of these objects are being deleted")


async def _move(hub: HubState, job: Job, reader: StretchReader, group: Sequence[_Waiting]) -> list[str]:
    """Move one group; the ids of those that are damaged and were left."""
    if group[0].size_bytes > _GROUP_BYTES:
        damaged = await _move_large(hub, reader, group[0])
    else:
        items, damaged = await asyncio.to_thread(_read_group, hub.store, reader, group)
        failpoint("promote.object")
        if items:
            await hub.store.put(items)
    failpoint("promote.moved")
    moved = [bytes.fromhex(item.id) for item in group if item.id not in damaged]
    objects = schema.objects
    async with hub.database.write() as connection:
        await connection.execute(
            update(objects)
            .where(objects.c.id.in_(moved), objects.c.bundle == job.subject)
            .values(bundle=None, raw_offset=None)
        )
        await extend_lease(connection, job, hub.now() + LEASE_S)
    return damaged


def _read_group(
    store: ObjectStore, reader: StretchReader, group: Sequence[_Waiting]
) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Return what is to be stored under its own key, and what is damaged: in the bundle, and under its own key as well.

    A bundle may be gone while its rows are there: when the index is an older copy than the store beside it.
    """
    items: list[tuple[str, bytes]] = []
    damaged: list[str] = []
    for item in group:
        try:
            content = b"".join(reader.pieces(item.offset, item.size_bytes))
        except (Integrity, NotFound):
            content = None
        if content is not None and hash_object(content) == item.id:
            items.append((object_key(item.id), content))
        elif not lies_whole(store, item.id):
            damaged.append(item.id)
    return items, damaged


async def _move_large(hub: HubState, reader: StretchReader, item: _Waiting) -> list[str]:
    """As :func:`_read_group` and put, for one object that is too long to hold."""
    try:
        async with Spool(hub.settings.spool_dir).copy(reader.pieces(item.offset, item.size_bytes)) as copied:
            if copied.sha256 == item.id:
                failpoint("promote.object")
                await hub.store.put_file(object_key(item.id), copied.path)
                return []
    except (Integrity, NotFound):
        pass
    return [] if await asyncio.to_thread(lies_whole, hub.store, item.id) else [item.id]


async def _drop_bundle(hub: HubState, job: Job) -> None:
    bundles, pushes = schema.bundles, schema.pushes
    async with hub.database.write() as connection:
        await connection.execute(update(pushes).where(pushes.c.bundle == job.subject).values(bundle=None))
        await connection.execute(delete(bundles).where(bundles.c.id == job.subject))
        await finish_job(connection, job)
