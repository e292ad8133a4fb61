"""The work that comes round: collections and scrubs are put into the queue when it is time for the next."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..index.job_queue import Job, add_job, finish_job
from ..index.recurring import OBJECTS_GC, OBJECTS_SCRUB, SUBJECT, read_last, write_last
from ..index.schema import jobs
from ..state import HubState


async def add_due_work(hub: HubState) -> None:
    """Put into the queue what is due. On a new hub the time begins now."""
    intervals = ((OBJECTS_GC, hub.settings.gc_every_s), (OBJECTS_SCRUB, hub.settings.scrub_every_s))
    for kind, every_s in intervals:
        if not every_s:
            continue
        async with hub.database.read() as connection:
            last = await read_last(connection, kind)
        if last is None:
            await hub.database.change(partial(_begin, kind=kind, now=hub.now()))
        elif last["ended_at"] + every_s <= hub.now():
            await hub.database.change(partial(_add, kind=kind, now=hub.now()))


async def _begin(connection: AsyncConnection, kind: str, now: float) -> None:
    if await read_last(connection, kind) is None:
        await write_last(connection, kind, {"ended_at": now, "result": None})


async def _add(connection: AsyncConnection, kind: str, now: float) -> None:
    own = (jobs.c.kind == kind, jobs.c.subject == SUBJECT)
    state = (await connection.execute(select(jobs.c.state).where(*own))).scalar_one_or_none()
    if state is None:
        await add_job(connection, kind, SUBJECT, now)
    elif state == "failed":
        values = {"state": "waiting", "attempts": 0, "run_after": now, "progress": None}
        await connection.execute(update(jobs).where(*own).values(values))


async def read_progress(hub: HubState, job: Job) -> dict[str, Any] | None:
    """Where the job was when it made way, None when it begins."""
    async with hub.database.read() as connection:
        value = (await connection.execute(select(jobs.c.progress).where(jobs.c.id == job.id))).scalar_one_or_none()
    return None if value is None else dict(json.loads(value))


async def make_way(hub: HubState, job: Job, progress: dict[str, Any]) -> None:
    """Put the job back, behind what waits; whoever takes it goes on at ``progress``."""
    held = (jobs.c.id == job.id, jobs.c.worker == job.worker, jobs.c.attempts == job.attempts)
    values = {"state": "waiting", "run_after": hub.now(), "leased_until": None, "worker": None, "attempts": 0}
    async with hub.database.write() as connection:
        await connection.execute(update(jobs).where(*held).values(**values, progress=json.dumps(progress), error=None))


async def end_work(hub: HubState, job: Job, result: dict[str, Any]) -> None:
    """The job is done, with this ``result``, until the next time."""
    async with hub.database.write() as connection:
        await finish_job(connection, job)
        await write_last(connection, job.kind, {"ended_at": hub.now(), "result": result})
