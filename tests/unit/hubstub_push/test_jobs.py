"""The queue of jobs: leased while they run, tried again later, kept when they cannot work."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from hubstub.index.database import Database
from hubstub.index.schema import jobs
from hubstub.jobs.queue import (
    BUNDLE_INDEX,
    Job,
    add_job,
    extend_lease,
    fail_job,
    finish_job,
    next_run,
    postpone_job,
    release_all,
    take_job,
)
from tests.helpers.hub_index import fresh_database


async def _add(database: Database, subject: str, now: float) -> None:
    async with database.write() as connection:
        await add_job(connection, BUNDLE_INDEX, subject, now)


async def _take(database: Database, now: float) -> Job | None:
    async with database.write() as connection:
        return await take_job(connection, now, 60.0)


async def test_the_oldest_job_that_is_due_is_taken_once(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        await _add(database, "second", 20.0)
        await _add(database, "first", 10.0)
        assert await _take(database, 5.0) is None
        first, second = await _take(database, 30.0), await _take(database, 30.0)
        assert first and second
        assert [first.subject, second.subject, first.attempts] == ["first", "second", 1]
        assert await _take(database, 30.0) is None


async def test_a_lease_that_ran_out_is_taken_again(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        await _add(database, "b", 0.0)
        job = await _take(database, 0.0)
        assert job
        async with database.write() as connection:
            await extend_lease(connection, job, 100.0)
        assert await _take(database, 99.0) is None
        again = await _take(database, 100.0)
        assert again
        assert (again.id, again.attempts) == (job.id, 2)


async def test_what_a_dead_process_had_is_free_after_a_start(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        await _add(database, "b", 0.0)
        await _take(database, 0.0)
        async with database.write() as connection:
            await release_all(connection)
        assert await _take(database, 1.0)


async def test_a_postponed_job_waits_and_remembers_why(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        await _add(database, "b", 0.0)
        job = await _take(database, 0.0)
        assert job
        async with database.write() as connection:
            await postpone_job(connection, job, 50.0, "the disk was full")
            assert await next_run(connection) == 50.0
            assert (await connection.execute(select(jobs.c.error))).scalar_one() == "the disk was full"
        assert await _take(database, 49.0) is None
        assert await _take(database, 50.0)


async def test_a_failed_job_stays_and_a_finished_one_goes(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
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
