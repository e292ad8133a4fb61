"""Putting back damaged objects, from wherever the hub still has their bytes.

What it has nowhere is marked as missing: the repositories keep it among their members, the index has no place for it,
and ``GET refs`` names it under ``needs``, so that the next push from a repository that has it brings it along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping

from sqlalchemy import delete, exists, insert, not_, select, update

from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId

from ..arrivals.spool import Spool
from ..index.job_queue import BUNDLE_INDEX, add_job
from ..index.schema import bundles, jobs, objects, pending_objects, repository_objects
from ..parts import HubParts
from ..store.keys import BUNDLES, object_key
from ..store.whole import measure_whole
from .bundle_contents import copy_from_bundle, find_in_bundle
from .check_objects import place_of
from .deletions import begin_storing, delete_doomed, doom, end_storing, find_doomed
from .findings import MEMBER, OBJECT, Report
from .history import note_loss

_AT_ONCE = 500


async def repair(hub: HubParts, report: Report) -> dict[str, str]:
    """Mend what ``report`` found as far as can be: object (bare hex) → what became of it.

    Raises :class:`~museui.core.errors.Unavailable` when database or store do not answer.
    """
    done: dict[str, str] = {}
    for object_id in map(ObjectId, report.objects()):
        if await use_own_file(hub, object_id):
            done[object_id] = "its own file was whole"
    rest = {ObjectId(item) for item in report.objects() if item not in done}
    if rest:
        async for object_id in _restore_from_bundles(hub, rest):
            done[object_id] = "put back from a stored bundle"
        lost = {item: report.findings[OBJECT, item].where for item in sorted(rest - done.keys())}
        await _mark_missing(hub, lost)
        done |= dict.fromkeys(lost, "missing: the next push that has it is asked for it")
    for kind, subject in report.findings:
        if kind == MEMBER:
            await _add_member(hub, subject)
            done[subject] = "it is a member again"
    await _promote_again(hub, await _stuck_bundles(hub))
    return done


async def use_own_file(hub: HubParts, object_id: ObjectId) -> bool:
    """Whether the object lies whole under its own key, where the index says so from now on."""
    async with hub.database.read() as connection:
        begun = await begin_storing(connection, [object_id])
    size_bytes = await asyncio.to_thread(measure_whole, hub.store, object_id)
    if size_bytes is None:
        return False
    await _point_to_own_file(hub, object_id, size_bytes, begun)
    return True


async def _point_to_own_file(hub: HubParts, object_id: ObjectId, size_bytes: int, begun: int) -> None:
    key = bytes.fromhex(object_id)
    async with hub.database.write(alone=True) as connection:
        await end_storing(connection, begun)
        await connection.execute(delete(objects).where(objects.c.id == key))
        await connection.execute(insert(objects).values(id=key, size_bytes=size_bytes))


async def _restore_from_bundles(hub: HubParts, wanted: Collection[ObjectId]) -> AsyncIterator[ObjectId]:
    """Store what of ``wanted`` some bundle in the store holds, under its own key."""
    spool = Spool(hub.settings.spool_dir)
    missing = set(wanted)
    async for entry in hub.store.list(BUNDLES):
        with spool.reserve() as path:
            for object_id in await asyncio.to_thread(find_in_bundle, hub.store, entry.key, missing):
                await asyncio.to_thread(copy_from_bundle, hub.store, entry.key, object_id, path)
                async with hub.database.read() as connection:
                    begun = await begin_storing(connection, [object_id])
                await hub.store.put_file(object_key(object_id), path)
                await _point_to_own_file(hub, object_id, path.stat().st_size, begun)
                missing.discard(object_id)
                yield object_id
        if not missing:
            return


async def _mark_missing(hub: HubParts, lost: Mapping[ObjectId, str]) -> None:
    """Take objects out of the index, unless they have come to lie elsewhere than where (``lost``) they are damaged."""
    async with hub.database.write(alone=True) as connection:
        gone: list[ObjectId] = []
        for object_id, where in lost.items():
            key = bytes.fromhex(object_id)
            row = (await connection.execute(select(objects).where(objects.c.id == key))).one_or_none()
            if row is not None and place_of(row).where == where:
                await connection.execute(delete(objects).where(objects.c.id == key))
                gone.append(object_id)
        keys = [bytes.fromhex(object_id) for object_id in gone]
        for at in range(0, len(keys), _AT_ONCE):
            part = keys[at : at + _AT_ONCE]
            await connection.execute(delete(pending_objects).where(pending_objects.c.object_id.in_(part)))
            query = select(repository_objects.c.repository_id).where(repository_objects.c.object_id.in_(part))
            for number in (await connection.execute(query.distinct())).scalars().all():
                await note_loss(connection, number)
        gone = sorted(set(gone) - await find_doomed(connection, gone))
        await doom(connection, gone, hub.now())
        failpoint("fsck.marked")
    if gone:
        await delete_doomed(hub, gone)


async def _add_member(hub: HubParts, subject: str) -> None:
    number, _, object_id = subject.partition("/")
    row = {"repository_id": int(number), "object_id": bytes.fromhex(object_id)}
    async with hub.database.write(alone=True) as connection:
        if (await connection.execute(select(objects.c.id).where(objects.c.id == row["object_id"]))).first():
            await connection.execute(hub.database.insert_missing(repository_objects).values(row))


async def _stuck_bundles(hub: HubParts) -> list[str]:
    """Stored bundles that no job will promote as things are."""
    own = exists().where(jobs.c.kind == BUNDLE_INDEX, jobs.c.subject == bundles.c.id, jobs.c.state != "failed")
    async with hub.database.read() as connection:
        return list((await connection.execute(select(bundles.c.id).where(not_(own)))).scalars())


async def _promote_again(hub: HubParts, bundle_ids: Collection[str]) -> None:
    """Let the job look once more at bundles whose damaged objects are out of the way now."""
    async with hub.database.write() as connection:
        for bundle in bundle_ids:
            own = (jobs.c.kind == BUNDLE_INDEX, jobs.c.subject == bundle)
            if (await connection.execute(select(jobs.c.id).where(*own))).first() is None:
                await add_job(connection, BUNDLE_INDEX, bundle, hub.now())
            await connection.execute(
                update(jobs)
                .where(*own, jobs.c.state == "failed")
                .values(state="waiting", attempts=0, run_after=hub.now(), error=None)
            )
