"""Collecting objects: those that no repository holds and no push waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from sqlalchemy import ColumnElement, and_, delete, exists, not_, select

from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId

from ..index.schema import garbage, objects, pending_objects, repository_objects
from ..parts import HubParts
from .deletions import delete_doomed, doom, find_doomed
from .marks import add_marks, drop_marks, read_marks
from .tally import GcOptions, Tally

OBJECT = "object"
_AT_ONCE = 500


def is_unreferenced(now: float | None, without: int | None = None) -> ColumnElement[bool]:
    """Whether an object is a member of no repository (``without`` does not count) and waits for no push.

    ``now``: the time after which those that wait must end; None: any that wait count.
    """
    member = repository_objects.c.object_id == objects.c.id
    if without is not None:
        member = and_(member, repository_objects.c.repository_id != without)
    waits = pending_objects.c.object_id == objects.c.id
    if now is not None:
        waits = and_(waits, pending_objects.c.expires_at > now)
    return and_(not_(exists().where(member)), not_(exists().where(waits)))


async def collect_objects(hub: HubParts, options: GcOptions, tally: Tally, after: str) -> AsyncIterator[str]:
    """Mark objects that nobody holds, take those of which that is true for the grace period; gives how far it is.

    ``after``: what it gave last, empty to begin.
    """
    while page := await _next_page(hub, after):
        await _collect_page(hub, page, options, tally)
        after = max(page)
        yield after
    if options.apply:
        await _forget_marks(hub)


async def _next_page(hub: HubParts, after: str) -> dict[ObjectId, int]:
    query = select(objects.c.id, objects.c.size_bytes).where(
        objects.c.id > bytes.fromhex(after), is_unreferenced(hub.now())
    )
    async with hub.database.read() as connection:
        rows = await connection.execute(query.order_by(objects.c.id).limit(_AT_ONCE))
        return {ObjectId(row.id.hex()): row.size_bytes for row in rows}


async def _collect_page(hub: HubParts, page: dict[ObjectId, int], options: GcOptions, tally: Tally) -> None:
    now = hub.now()
    async with hub.database.read() as connection:
        since = await read_marks(connection, OBJECT, page)
    old = {item for item in page if since.get(item, now) <= now - options.grace_s}
    young = page.keys() - old
    tally.wait("objects", len(young), sum(page[item] for item in young))
    if not options.apply:
        tally.take("objects", len(old), sum(page[item] for item in old))
        tally.doubt("objects", len(old), sum(page[item] for item in old))
        return
    fresh = {item: now for item in young if item not in since}
    if fresh:
        async with hub.database.write() as connection:
            await add_marks(hub.database, connection, OBJECT, fresh)
    if old:
        taken = await _take(hub, old)
        tally.take("objects", len(taken), sum(page[item] for item in taken))


async def _take(hub: HubParts, ids: Collection[ObjectId]) -> set[ObjectId]:
    """Take those of ``ids`` that still nobody holds."""
    async with hub.database.write(alone=True) as connection:
        keys = [bytes.fromhex(item) for item in ids]
        query = select(objects.c.id).where(objects.c.id.in_(keys), is_unreferenced(hub.now()))
        taken = {ObjectId(item.hex()) for item in (await connection.execute(query)).scalars()}
        taken -= await find_doomed(connection, taken)
        found = [bytes.fromhex(item) for item in taken]
        await connection.execute(delete(pending_objects).where(pending_objects.c.object_id.in_(found)))
        await connection.execute(delete(objects).where(objects.c.id.in_(found)))
        await drop_marks(connection, OBJECT, taken)
        await doom(connection, taken, hub.now())
    failpoint("gc.doomed")
    if taken:
        await delete_doomed(hub, taken)
    return taken


async def _forget_marks(hub: HubParts) -> None:
    """Forget marks of objects that somebody holds again, or that are gone."""
    after = ""
    while True:
        query = select(garbage.c.subject).where(garbage.c.kind == OBJECT, garbage.c.subject > after)
        async with hub.database.read() as connection:
            page = list((await connection.execute(query.order_by(garbage.c.subject).limit(_AT_ONCE))).scalars())
            still = await connection.execute(
                select(objects.c.id).where(
                    objects.c.id.in_([bytes.fromhex(item) for item in page]), is_unreferenced(hub.now())
                )
            )
            stale = set(page) - {item.hex() for item in still.scalars()}
        if not page:
            return
        if stale:
            async with hub.database.write() as connection:
                await drop_marks(connection, OBJECT, stale)
        after = page[-1]
