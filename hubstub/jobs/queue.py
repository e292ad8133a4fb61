"""The durable queue of background jobs: the ``jobs`` table. A job is leased while it runs and retried when it fails."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..index.schema import jobs

BUNDLE_INDEX = "bundle.index"
"""Gives every object of a stored bundle its own key; the subject is ``bundles.id``."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job that was taken. ``attempts`` counts this one."""

    id: str
    kind: str
    subject: str
    attempts: int


async def add_job(connection: AsyncConnection, kind: str, subject: str, now: float) -> None:
    """Put a job into the queue, to be run as soon as may be."""
    await connection.execute(
        insert(jobs).values(
            id=secrets.token_hex(16), kind=kind, subject=subject, state="waiting", run_after=now, created_at=now
        )
    )


async def take_job(connection: AsyncConnection, now: float, lease_s: float) -> Job | None:
    """The next job that is due, leased for ``lease_s``; None when there is none. A lease that ran out is due again."""
    due = or_(
        and_(jobs.c.state == "waiting", jobs.c.run_after <= now),
        and_(jobs.c.state == "running", jobs.c.leased_until <= now),
    )
    query = select(jobs).where(due).order_by(jobs.c.run_after, jobs.c.created_at).limit(1)
    row = (await connection.execute(query.with_for_update(skip_locked=True))).one_or_none()
    if row is None:
        return None
    attempts = row.attempts + 1
    await connection.execute(
        update(jobs).where(jobs.c.id == row.id).values(state="running", attempts=attempts, leased_until=now + lease_s)
    )
    return Job(row.id, row.kind, row.subject, attempts)


async def extend_lease(connection: AsyncConnection, job: Job, until: float) -> None:
    """Keep a job that is making progress."""
    await connection.execute(update(jobs).where(jobs.c.id == job.id).values(leased_until=until))


async def finish_job(connection: AsyncConnection, job: Job) -> None:
    """The job is done and goes."""
    await connection.execute(delete(jobs).where(jobs.c.id == job.id))


async def postpone_job(connection: AsyncConnection, job: Job, run_after: float, error: str) -> None:
    """The job did not work and will be tried again at ``run_after``."""
    await connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id)
        .values(state="waiting", run_after=run_after, leased_until=None, error=error)
    )


async def fail_job(connection: AsyncConnection, job: Job, error: str) -> None:
    """The job cannot work; it stays, for people to see."""
    await connection.execute(
        update(jobs).where(jobs.c.id == job.id).values(state="failed", leased_until=None, error=error)
    )


async def release_all(connection: AsyncConnection) -> None:
    """Free what an earlier process had leased. Only at the start of the one process that runs jobs."""
    await connection.execute(update(jobs).where(jobs.c.state == "running").values(state="waiting", leased_until=None))


async def next_run(connection: AsyncConnection) -> float | None:
    """When the next waiting job is due (Unix seconds), None when none waits."""
    query = select(func.min(jobs.c.run_after)).where(jobs.c.state == "waiting")
    due: float | None = (await connection.execute(query)).scalar_one()
    return due
