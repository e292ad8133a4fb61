"""What the hub holds and what it is at, in numbers: for ``museui hub stats``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..identity import read_behind
from ..index.recurring import OBJECTS_GC, OBJECTS_SCRUB, read_last
from ..index.schema import (
    bundles,
    chunks,
    commits,
    damage,
    garbage,
    jobs,
    objects,
    repositories,
    snapshots,
    uploads,
    users,
)
from .leftovers import read_unnamed

_SHOWN = 100


async def read_figures(connection: AsyncConnection, now: float) -> dict[str, Any]:
    """The figures as ``--json`` prints them; bytes are of contents, ``records`` of what the index keeps of history."""
    logical = await _sum(connection, repositories, repositories.c.stored_bytes)
    held = await _sum(connection, objects, objects.c.size_bytes)
    records = await _sum(connection, chunks, func.length(chunks.c.data))
    waiting = await _sum(connection, bundles, bundles.c.size_bytes)
    staged = select(func.count(), func.coalesce(func.sum(uploads.c.size_bytes), 0))
    staged = staged.where(uploads.c.state == "open", uploads.c.expires_at > now)
    open_uploads = (await connection.execute(staged)).one()
    return {
        "users": await _count(connection, users),
        "repositories": await _count(connection, repositories),
        "commits": await _count(connection, commits),
        "snapshots": await _count(connection, snapshots),
        "objects": held[0],
        "logical_bytes": logical[1],
        "stored_bytes": held[1],
        "record_bytes": records[1],
        "staging": {"uploads": open_uploads[0], "announced_bytes": int(open_uploads[1])},
        "pending_promotion": {"bundles": waiting[0], "bytes": waiting[1]},
        "garbage": await _count(connection, garbage),
        "jobs": await _read_jobs(connection, now),
        "damage": await _read_damage(connection),
        "older_copy": await read_behind(connection),
        "unnamed_files": await read_unnamed(connection),
        "last_gc": await read_last(connection, OBJECTS_GC),
        "last_scrub": await read_last(connection, OBJECTS_SCRUB),
    }


async def _count(connection: AsyncConnection, table: Table) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def _sum(connection: AsyncConnection, table: Table, size: Any) -> tuple[int, int]:
    query = select(func.count(), func.coalesce(func.sum(size), 0)).select_from(table)
    count, size_bytes = (await connection.execute(query)).one()
    return int(count), int(size_bytes)


async def _read_jobs(connection: AsyncConnection, now: float) -> list[dict[str, Any]]:
    """For each kind and state: how many, how old the oldest is, and the newest error."""
    query = select(jobs.c.kind, jobs.c.state, func.count().label("count"), func.min(jobs.c.created_at).label("oldest"))
    found: list[dict[str, Any]] = []
    for row in await connection.execute(query.group_by(jobs.c.kind, jobs.c.state).order_by(jobs.c.kind, jobs.c.state)):
        found.append({"kind": row.kind, "state": row.state, "count": row.count, "oldest_seconds": now - row.oldest})
    for item in found:
        latest = select(jobs.c.error).where(jobs.c.kind == item["kind"], jobs.c.state == item["state"])
        latest = latest.where(jobs.c.error.is_not(None)).order_by(jobs.c.created_at.desc()).limit(1)
        item["error"] = (await connection.execute(latest)).scalar_one_or_none()
    return found


async def _read_damage(connection: AsyncConnection) -> dict[str, Any]:
    query = select(damage).order_by(damage.c.found_at, damage.c.kind, damage.c.subject).limit(_SHOWN)
    rows = (await connection.execute(query)).all()
    shown = [{"kind": row.kind, "subject": row.subject, "reason": row.reason, "found_at": row.found_at} for row in rows]
    return {"count": await _count(connection, damage), "first": shown}
