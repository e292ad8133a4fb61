"""One collection of garbage from end to end, in steps; it may stop after any of them and go on there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..arrivals.uploads import KEPT_S, forget_uploads
from ..identity import find_bar
from ..index.let_go import read_let_go
from ..index.schema import garbage, repositories, sessions, uploads
from ..parts import HubParts
from ..push.objects.pending import forget_pending
from .deletions import finish_deletions
from .history import collect_history
from .leftovers import collect_leftovers
from .steps import Cursor, next_repository
from .tally import GcOptions, Tally
from .unreferenced import collect_objects

_STAGES = ("expired", "history", "objects", "files")


async def collect_garbage(
    hub: HubParts, options: GcOptions, tally: Tally, start: Cursor | None = None
) -> AsyncGenerator[Cursor, None]:
    """Collect, counting in ``tally``; gives after each step where to go on.

    Safe beside pushes, other collections and other processes; what was in use or in its grace stays.  Nothing at all is
    done while the index is known to be an older copy, or in a store that is not this index's any more.
    Raises :class:`~museui.core.errors.Unavailable` when database or store do not answer.
    """
    if bar := await find_bar(hub.database, hub.store):
        tally.skipped.append(f"everything: {bar}")
        return
    start = start or Cursor(_STAGES[0])
    for stage in _STAGES[_STAGES.index(start.stage) :]:
        after = start.after if stage == start.stage else ""
        async for place in _run_stage(hub, stage, after, options, tally):
            yield Cursor(stage, place)


async def _run_stage(hub: HubParts, stage: str, after: str, options: GcOptions, tally: Tally) -> AsyncIterator[str]:
    if stage == "expired":
        if not after:
            await _collect_expired(hub, options, tally)
            yield "done"
    elif stage == "history":
        while (number := await next_repository(hub, after)) is not None:
            await collect_history(hub, number, options, tally)
            after = str(number)
            yield after
    else:
        steps = collect_objects if stage == "objects" else collect_leftovers
        async for place in steps(hub, options, tally, after):
            yield place


async def _collect_expired(hub: HubParts, options: GcOptions, tally: Tally) -> None:
    """What says itself how long it is good for, and marks of repositories that are gone."""
    now = hub.now()
    over = uploads.c.expires_at <= now - KEPT_S
    ended = sessions.c.expires_at <= now
    async with hub.database.read() as connection:
        tally.let_go = await read_let_go(connection)
        tally.take("uploads", await _count(connection, select(func.count()).where(uploads.c.state == "open", over)))
        tally.take("sessions", await _count(connection, select(func.count()).where(ended)))
    if not options.apply:
        return
    await finish_deletions(hub)
    async with hub.database.write() as connection:
        await forget_uploads(connection, now)
        await forget_pending(connection, now)
        await connection.execute(delete(sessions).where(ended))
        known = select(repositories.c.id)
        gone = garbage.c.repository_id.not_in(known) & (garbage.c.repository_id != 0)
        await connection.execute(delete(garbage).where(gone))


async def _count(connection: AsyncConnection, query: object) -> int:
    return int((await connection.execute(query)).scalar_one())  # type: ignore[call-overload]
