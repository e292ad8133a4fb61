"""The durable queue of background jobs: the ``jobs`` table. A job is leased while it runs and retried when it fails.

Several hubs may share the table.  A job is taken once (``FOR UPDATE SKIP LOCKED``), and whoever let its lease run out
can change neither the job nor, through :func:`extend_lease` in the same transaction, what the job is about.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Busy

from .schema import jobs

BUNDLE_INDEX = "bundle.index"
"""Gives every object of a stored bundle its own key; the subject is ``bundles.id``."""
LEASE_S = 60.0
"""How long a job belongs to a hub that says nothing more; one that runs it says so more often."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job that was taken. ``attempts`` counts this one; ``worker`` is who took it."""

    id: str
    kind: str
    subject: str
    attempts: int
    worker: str


async def add_job(connection: AsyncConnection, kind: str, subject: str, now: float) -> None:
    """Put a job into the queue, to be run as soon as may be."""
    await connection.execute(
        insert(jobs).values(
            id=secrets.token_hex(16), kind=kind, subject=subject, state="waiting", run_after=now, created_at=now
        )
    )


async def take_job(connection: AsyncConnection, worker: str, now: float, lease_s: float) -> Job | None:
    """The next job that is due, leased to ``worker`` for ``lease_s``; None when there is none.

    A lease that ran out is due again.  Of several that ask at once, each gets another job.
    """
    due = or_(
        and_(jobs.c.state == "waiting", jobs.c.run_after <= now),
        and_(jobs.c.state == "running", jobs.c.leased_until <= now),
    )
    query = select(jobs).where(due).order_by(jobs.c.run_after, jobs.c.created_at).limit(1)
    row = (await connection.execute(query.with_for_update(skip_locked=True))).one_or_none()
    if row is None:
        return None
    job = Job(row.id, row.kind, row.subject, row.attempts + 1, worker)
    await connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id)
        .values(state="running", attempts=job.attempts, leased_until=now + lease_s, worker=worker)
    )
    return job


async def extend_lease(connection: AsyncConnection, job: Job, until: float) -> None:
    """Keep a job that is making progress. Raises :class:`Busy` when its lease ran out and it was taken again."""
    result = await connection.execute(update(jobs).where(*_held(job)).values(leased_until=until))
    if not result.rowcount:
        raise Busy(f"job {job.kind} of {job.subject} is somebody else's now")


async def finish_job(connection: AsyncConnection, job: Job) -> None:
    """The job is done and goes. Raises :class:`Busy` as :func:`extend_lease` does."""
    if not (await connection.execute(delete(jobs).where(*_held(job)))).rowcount:
        raise Busy(f"job {job.kind} of {job.subject} is somebody else's now")


async def postpone_job(connection: AsyncConnection, job: Job, run_after: float, error: str) -> None:
    """The job did not work and will be tried again at ``run_after``, unless somebody else has taken it."""
    values = {"state": "waiting", "run_after": run_after, "leased_until": None, "worker": None, "error": error}
    await connection.execute(update(jobs).where(*_held(job)).values(values))


async def fail_job(connection: AsyncConnection, job: Job, error: str) -> None:
    """The job cannot work; it stays, for people to see, unless somebody else has taken it."""
    values = {"state": "failed", "leased_until": None, "worker": None, "error": error}
    await connection.execute(update(jobs).where(*_held(job)).values(values))


async def release_jobs(connection: AsyncConnection, worker: str) -> None:
    """Free what ``worker`` had leased, and what was leased before workers had names. Only while it runs none."""
    own = or_(jobs.c.worker == worker, jobs.c.worker.is_(None))
    await connection.execute(
        update(jobs).where(jobs.c.state == "running", own).values(state="waiting", leased_until=None, worker=None)
    )


async def next_run(connection: AsyncConnection) -> float | None:
    """When there is something to take (Unix seconds), if no lease is extended till then; None when there is nothing."""
    due = case((jobs.c.state == "waiting", jobs.c.run_after), else_=jobs.c.leased_until)
    query = select(func.min(due)).where(jobs.c.state.in_(("waiting", "running")))
    earliest: float | None = (await connection.execute(query)).scalar_one()
    return earliest


def _held(job: Job) -> tuple[Any, ...]:
    """The row of a job that is still this attempt's."""
    return (
        jobs.c.id == job.id,
        jobs.c.state == "running",
        jobs.c.attempts == job.attempts,
        jobs.c.worker == job.worker,
    )
