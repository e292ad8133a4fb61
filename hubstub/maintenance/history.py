"""Collecting history: commits out of reach, and the snapshots, records and memberships that nobody else needs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Column, Table, delete, func, insert, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Integrity
from museui.core.failpoints import failpoint

from ..index.history import id_parts
from ..index.let_go import note_let_go
from ..index.schema import chunks, commits, garbage, objects, ref_moves, repositories, repository_objects, snapshots
from ..parts import HubParts
from .history_plan import COMMIT, HistoryPlan, plan_history, read_fingerprint
from .marks import add_marks
from .tally import GcOptions, Tally
from .unreferenced import OBJECT, is_unreferenced

_TRIES = 2
_AT_ONCE = 500


async def collect_history(hub: HubParts, repository_id: int, options: GcOptions, tally: Tally) -> None:
    """Mark what went out of reach in one repository, and take what has been for the grace period."""
    try:
        async with hub.database.read() as connection:
            plan = await plan_history(connection, repository_id, hub.now(), options.grace_s)
            if plan is None:
                return
            if not options.apply:
                await _look(connection, repository_id, plan, tally)
                return
        for _ in range(_TRIES):
            if await _carry_out(hub, repository_id, plan, tally):
                return
            async with hub.database.read() as connection:
                plan = await plan_history(connection, repository_id, hub.now(), options.grace_s)
            if plan is None:
                return
        await _carry_out(hub, repository_id, None, tally, options.grace_s)
    except Integrity as exc:
        tally.skipped.append(f"the history of repository {repository_id}: {exc.message}; see 'museui hub fsck'")


async def _carry_out(
    hub: HubParts, repository_id: int, plan: HistoryPlan | None, tally: Tally, grace_s: float = 0.0
) -> bool:
    """Do as ``plan`` says, unless it does not hold any more. Without one it is made while nobody can push."""
    if plan is not None and not (plan.mark or plan.unmark or plan.commits):
        tally.wait("commits", plan.waiting)
        return True
    async with hub.database.write(alone=True) as connection:
        if plan is None:
            plan = await plan_history(connection, repository_id, hub.now(), grace_s)
            if plan is None:
                return True
        elif await read_fingerprint(connection, repository_id) != plan.fingerprint:
            return False
        await _mark(connection, repository_id, plan, hub.now())
        if plan.commits:
            await _take(hub, connection, repository_id, plan, tally)
            failpoint("gc.history")
    tally.wait("commits", plan.waiting)
    return True


async def _mark(connection: AsyncConnection, repository_id: int, plan: HistoryPlan, now: float) -> None:
    marks = [
        {"kind": COMMIT, "repository_id": repository_id, "subject": item.hex(), "since": now}
        for item in plan.mark - plan.commits
    ]
    if marks:
        await connection.execute(insert(garbage), marks)
    own = delete(garbage).where(garbage.c.kind == COMMIT, garbage.c.repository_id == repository_id)
    for part in _parts(plan.unmark | {item.hex() for item in plan.commits}):
        await connection.execute(own.where(garbage.c.subject.in_(part)))


async def _take(
    hub: HubParts, connection: AsyncConnection, repository_id: int, plan: HistoryPlan, tally: Tally
) -> None:
    async def drop(table: Table, column: Column[Any], ids: Collection[bytes]) -> None:
        for part in _parts(ids):
            await connection.execute(delete(table).where(table.c.repository_id == repository_id, column.in_(part)))

    await drop(commits, commits.c.id, plan.commits)
    await drop(snapshots, snapshots.c.id, plan.snapshots)
    await drop(repository_objects, repository_objects.c.object_id, [bytes.fromhex(item) for item in plan.objects])
    tally.take("commits", len(plan.commits))
    tally.take("snapshots", len(plan.snapshots))
    tally.take("memberships", len(plan.objects))
    await _drop_chunks(connection, repository_id, tally)
    await _mark_objects(hub, connection, repository_id, plan)
    await note_loss(connection, repository_id)


async def note_loss(connection: AsyncConnection, repository_id: int) -> None:
    """Something was taken from the repository: it holds less, and pushes that were checked before must try again."""
    held = (
        select(func.coalesce(func.sum(objects.c.size_bytes), 0))
        .join(repository_objects, repository_objects.c.object_id == objects.c.id)
        .where(repository_objects.c.repository_id == repository_id)
        .scalar_subquery()
    )
    own = update(repositories).where(repositories.c.id == repository_id)
    await connection.execute(own.values(losses=repositories.c.losses + 1, stored_bytes=held))


async def _drop_chunks(connection: AsyncConnection, repository_id: int, tally: Tally) -> None:
    used = union_all(
        select(commits.c.chunk_id).where(commits.c.repository_id == repository_id),
        select(snapshots.c.chunk_id).where(snapshots.c.repository_id == repository_id),
    )
    unused = (chunks.c.repository_id == repository_id, chunks.c.id.not_in(used))
    query = select(func.count(), func.coalesce(func.sum(func.length(chunks.c.data)), 0)).where(*unused)
    count, size_bytes = (await connection.execute(query)).one()
    if count:
        await connection.execute(delete(chunks).where(*unused))
        tally.take("chunks", count, size_bytes)


async def _mark_objects(hub: HubParts, connection: AsyncConnection, repository_id: int, plan: HistoryPlan) -> None:
    """What nobody needs any more has been waiting for as long as the commits that needed it."""
    decided = await _is_decided(connection, repository_id)
    for ids in id_parts(plan.objects):
        query = select(objects.c.id, objects.c.size_bytes)
        rows = (await connection.execute(query.where(objects.c.id.in_(ids), is_unreferenced(now=None)))).all()
        await add_marks(hub.database, connection, OBJECT, {row.id.hex(): plan.since for row in rows})
        if decided:
            await note_let_go(connection, len(rows), sum(row.size_bytes for row in rows))


async def _is_decided(connection: AsyncConnection, repository_id: int) -> bool:
    """Whether somebody ever replaced or deleted a branch of the repository, which is how commits go out of reach."""
    query = select(ref_moves.c.id).where(ref_moves.c.repository_id == repository_id)
    query = query.where(ref_moves.c.forced | ref_moves.c.new_head.is_(None)).limit(1)
    return (await connection.execute(query)).first() is not None


async def _look(connection: AsyncConnection, repository_id: int, plan: HistoryPlan, tally: Tally) -> None:
    """Count what :func:`_take` would take, and the objects that only this repository holds."""
    tally.take("commits", len(plan.commits))
    tally.take("snapshots", len(plan.snapshots) if plan.commits else 0)
    tally.take("memberships", len(plan.objects))
    tally.wait("commits", plan.waiting)
    decided = await _is_decided(connection, repository_id)
    if not decided:
        tally.doubt("commits", len(plan.commits))
    for ids in id_parts(plan.objects):
        query = select(func.count(), func.coalesce(func.sum(objects.c.size_bytes), 0))
        count, size_bytes = (
            await connection.execute(
                query.where(objects.c.id.in_(ids), is_unreferenced(now=None, without=repository_id))
            )
        ).one()
        tally.take("objects", count, size_bytes)
        if not decided:
            tally.doubt("objects", count, size_bytes)


def _parts(items: Collection[Any]) -> Iterator[list[Any]]:
    every = list(items)
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))
