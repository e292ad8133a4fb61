"""Runs the hub's background jobs: takes them from the ``jobs`` table, one at a time, for as long as the hub runs.

At the start it first clears away what an earlier process left; later, once an hour, what clients left.  It also tells
the store how far the index has come, once the pushes that run have ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable

from museui.core.errors import Busy, Integrity, Unavailable

from ..identity import Teller, read_behind, warn_of_older_copy
from ..index.job_queue import (
    BUNDLE_INDEX,
    LEASE_S,
    Job,
    extend_lease,
    fail_job,
    next_run,
    postpone_job,
    release_jobs,
    take_job,
)
from ..index.recurring import OBJECTS_GC, OBJECTS_SCRUB
from ..log import log_facts
from ..maintenance.leftovers import count_unnamed
from ..state import HubState
from .promote import promote_bundle
from .reconcile import clear_temporary, sweep_staging
from .schedule import add_due_work
from .upkeep import run_gc, run_scrub

KINDS: dict[str, Callable[[HubState, Job], Awaitable[None]]] = {
    BUNDLE_INDEX: promote_bundle,
    OBJECTS_GC: run_gc,
    OBJECTS_SCRUB: run_scrub,
}
_SWEEP_S = 3600.0
_PAUSE_S = 1.0
_MAX_PAUSE_S = 600.0
_MAX_ATTEMPTS = 20
_log = logging.getLogger("hubstub.jobs")


class JobRunner:
    """The one worker of this process."""

    def __init__(self, state: HubState) -> None:
        self._hub = state
        self._task: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[None] | None = None
        self._swept_at = 0.0
        self._teller = Teller(state.database, state.store)

    async def start(self) -> None:
        """Clear away leftovers, free what a dead process had taken, and begin to work."""
        hub = self._hub
        await clear_temporary(hub)
        await sweep_staging(hub)
        self._swept_at = hub.now()
        async with hub.database.write() as connection:
            await release_jobs(connection, hub.worker)
            behind = await read_behind(connection)
        if behind is not None:
            warn_of_older_copy(behind)
            self._counting = asyncio.create_task(count_unnamed(hub))
        hub.jobs_waiting.set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop where it is, which the next start or another hub resumes, once the pushes that run have ended."""
        hub = self._hub
        await hub.desk.close()
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            with contextlib.suppress(Unavailable):
                await self._teller.tell(hub.now())
            with contextlib.suppress(Unavailable):
                async with hub.database.write() as connection:
                    await release_jobs(connection, hub.worker)

    async def _run(self) -> None:
        hub = self._hub
        while True:
            try:
                await self._wait()
                hub.jobs_waiting.clear()
                await hub.desk.wait_quiet()
                with contextlib.suppress(Unavailable):
                    await self._teller.tell(hub.now())
                await add_due_work(hub)
                while job := await self._take():
                    await self._work(job)
                    await hub.desk.wait_quiet()
                await self._sweep()
            except Exception:
                _log.exception("the job runner failed; it goes on in a moment")
                await asyncio.sleep(_PAUSE_S)
                hub.jobs_waiting.set()

    async def _wait(self) -> None:
        """Return when there may be a job to take, or it is time to sweep."""
        hub = self._hub
        async with hub.database.read() as connection:
            due = await next_run(connection)
        until = min(
            self._swept_at + _SWEEP_S, hub.now() + hub.settings.look_every_s, due if due is not None else float("inf")
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - hub.now())):  # wait_for can swallow the stop, until Python 3.12
                await hub.jobs_waiting.wait()

    async def _take(self) -> Job | None:
        async with self._hub.database.write() as connection:
            return await take_job(connection, self._hub.worker, self._hub.now(), LEASE_S)

    async def _work(self, job: Job) -> None:
        """Do one job. What it raises is kept with it and, unless it can never work, it is tried again later."""
        hub = self._hub
        began = hub.now()
        try:
            await self._hold(job, KINDS[job.kind](hub, job))
        except Busy as exc:
            _log.warning("job %s of %s was given up: %s", job.kind, job.subject, exc)
        except Exception as exc:
            error = f"{type(exc).__name__}: {exc}"
            hopeless = isinstance(exc, Integrity) or job.attempts >= _MAX_ATTEMPTS
            _log.error("job %s of %s failed: %s", job.kind, job.subject, error, exc_info=not isinstance(exc, Integrity))
            async with hub.database.write() as connection:
                if hopeless:
                    await fail_job(connection, job, error)
                else:
                    delay_s = random.uniform(0.0, min(_MAX_PAUSE_S, _PAUSE_S * 2**job.attempts))
                    await postpone_job(connection, job, hub.now() + delay_s, error)
        else:
            log_facts(_log, job.kind, subject=job.subject, seconds=round(hub.now() - began, 3), attempt=job.attempts)

    async def _hold(self, job: Job, work: Awaitable[None]) -> None:
        """Do ``work`` and extend the lease meanwhile. Raises :class:`Busy` when the lease was lost, and as it does."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=LEASE_S / 4))[0]:
                async with self._hub.database.write() as connection:
                    await extend_lease(connection, job, self._hub.now() + LEASE_S)
            task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _sweep(self) -> None:
        hub = self._hub
        if hub.now() - self._swept_at >= _SWEEP_S:
            self._swept_at = hub.now()
            await sweep_staging(hub)
