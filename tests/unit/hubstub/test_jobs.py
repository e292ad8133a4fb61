"""The queue of jobs: leased while they run, tried again later, kept when they cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from hubstub.index.database import Database
from hubstub.index.job_queue import (
    BUNDLE_INDEX,
    Job,
    add_job,
    extend_lease,
    fail_job,
    finish_job,
    next_run,
    postpone_job,
    release_jobs,
    take_job,
)
from hubstub.index.schema import jobs
from museui.core.errors import Busy
from tests.helpers.hub_index import fresh_database


async def _add(database: Database, subject: str, now: float) -> None:
    async with database.write() as connection:
        await add_job(connection, BUNDLE_INDEX, subject, now)


async def _take(database: Database, now: float, worker: str = "w") -> Job | None:
    async with database.write() as connection:
        return await take_job(connection, worker, now, 60.0)


async def test_the_oldest_job_that_is_due_is_taken_once(folder: Path) -> None:
    async with fresh_database(folder) as database:
        await _add(database, "second", 20.0)
        await _add(database, "first", 10.0)
        assert await _take(database, 5.0) is None
        first, second = await _take(database, 30.0), await _take(database, 30.0)
        assert first and second
        assert [first.subject, second.subject, first.attempts] == ["first", "second", 1]
        assert await _take(database, 30.0) is None


async def test_a_lease_that_ran_out_is_taken_again(folder: Path) -> None:
    async with fresh_database(folder) as database:
        await _add(database, "b", 0.0)
        job = await _take(database, 0.0)
        assert job
        async with database.write() as connection:
            await extend_lease(connection, job, 100.0)
        assert await _take(database, 99.0) is None
        again = await _take(database, 100.0)
        assert again
        assert (again.id, again.attempts) == (job.id, 2)


async def test_who_lost_the_lease_can_do_nothing_more(folder: Path) -> None:
    async with fresh_database(folder) as database:
        await _add(database, "b", 0.0)
        late, now = await _take(database, 0.0, "late"), await _take(database, 60.0, "now")
        assert late and now and late.id == now.id
        with pytest.raises(Busy):
            async with database.write() as connection:
                await extend_lease(connection, late, 1e9)
        with pytest.raises(Busy):
            async with database.write() as connection:
                await finish_job(connection, late)
        async with database.write() as connection:
            await postpone_job(connection, late, 0.0, "late")
            await fail_job(connection, late, "late")
            await extend_lease(connection, now, 200.0)
            assert await next_run(connection) == 200.0
            await finish_job(connection, now)
            assert (await connection.execute(select(jobs))).all() == []


async def test_a_start_frees_what_this_hub_had_and_leaves_others_theirs(folder: Path) -> None:
    async with fresh_database(folder) as database:
        for subject in ("mine", "theirs", "before workers had names"):
            await _add(database, subject, 0.0)
        mine, theirs, nameless = [await _take(database, 0.0, worker) for worker in ("w", "other", "none")]
        assert mine and theirs and nameless
        async with database.write() as connection:
            await connection.execute(update(jobs).where(jobs.c.id == nameless.id).values(worker=None))
            await release_jobs(connection, "w")
        again = [await _take(database, 1.0) for _ in range(3)]
        assert {job.id for job in again if job} == {mine.id, nameless.id}


async def test_a_postponed_job_waits_and_remembers_why(folder: Path) -> None:
    async with fresh_database(folder) as database:
        await _add(database, "b", 0.0)
        job = await _take(database, 0.0)
        assert job
        async with database.write() as connection:
            await postpone_job(connection, job, 50.0, "the disk was full")
            assert await next_run(connection) == 50.0
            assert (await connection.execute(select(jobs.c.error))).scalar_one() == "the disk was full"
        assert await _take(database, 49.0) is None
        assert await _take(database, 50.0)


async def test_a_failed_job_stays_and_a_finished_one_goes(folder: Path) -> None:
    async with fresh_database(folder) as database:
        for subject in ("bad", "good"):
            await _add(database, subject, 0.0)
        bad, good = await _take(database, 0.0), await _take(database, 0.0)
        assert bad and good
        async with database.write() as connection:
            await fail_job(connection, bad, "damaged")
            await finish_job(connection, good)
            rows = (await connection.execute(select(jobs.c.subject, jobs.c.state, jobs.c.error))).all()
            assert [tuple(row) for row in rows] == [(bad.subject, "failed", "damaged")]
            assert await next_run(connection) is None
        assert await _take(database, 1e9) is None
