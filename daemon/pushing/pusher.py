"""Works the queue off: several repositories at once, each branch as its turn comes, and what came of it is kept."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from museui.core.errors import Busy, MuseError, Unavailable, Unreachable
from museui.core.figures import render_count
from museui.core.phases import PhaseEvent
from museui.hub.client import HubClient
from museui.hub.trust import HubTrust
from museui.local.messages import PushView
from museui.sync.push_outcome import PushOutcome, push_document
from museui.sync.throttle import SpeedLimit

from ..board import Board
from ..hubs.connection_pool import ConnectionPool
from ..hubs.reachability import Hubs
from ..queue.choose import choose_entry, next_due_s
from ..queue.entry import Entry, Target, began, cancelled, failed, parked, succeeded
from ..queue.push_queue import PushQueue
from ..supervision import name_error
from .prepare import Prepared, make_push, prepare_push
from .running_push import RunningPush

logger = logging.getLogger("daemon.pusher")


class Surroundings(Protocol):
    """What a push depends on and tells beside the queue."""

    def held(self, entry: Entry) -> str:
        """Why the entry cannot be pushed now, in a few words; empty when it can."""

    def trust(self, base: str) -> HubTrust:
        """Return what the user allows the hub at ``base``."""

    async def ended(self, entry: Entry, view: PushView, by_hand: bool) -> None:
        """A push is over: keep it."""

    def settled(self, target: Target) -> None:
        """Its entry is what it will be."""


@dataclass(slots=True)
class Waiter:
    """Somebody who waits for a push: hears its phase events and then its document."""

    events: asyncio.Queue[PhaseEvent | dict[str, Any]] = field(default_factory=asyncio.Queue)


@dataclass(slots=True)
class _Job:
    entry: Entry
    running: RunningPush
    task: asyncio.Task[None] | None = None
    result: PushOutcome | None = None
    cut: MuseError | None = None
    by_person: bool = False
    over: bool = False


class Pusher:
    """Runs pushes. :meth:`run` never ends by itself."""

    def __init__(
        self,
        queue: PushQueue,
        hubs: Hubs,
        board: Board,
        surroundings: Surroundings,
        first_number: int,
        random: Callable[[], float],
    ) -> None:
        self.parallel = 1
        self.limit = SpeedLimit()
        self.connections = ConnectionPool()
        self._queue = queue
        self._hubs = hubs
        self._board = board
        self._surroundings = surroundings
        self._number = first_number
        self._random = random
        self._jobs: dict[str, _Job] = {}
        self._served: dict[str, int] = {}
        self._waiters: dict[Target, list[Waiter]] = {}
        self._tokens: dict[Target, str] = {}
        self._wake = asyncio.Event()
        self._closing = False

    def wake(self) -> None:
        """Something changed that may let a push begin."""
        self._wake.set()

    def forget(self, repository: str) -> None:
        """It is not looked after."""
        self._served.pop(repository, None)

    def busy(self, repository: str) -> int | None:
        """The number of the repository's push that runs."""
        job = self._jobs.get(repository)
        return job.running.number if job else None

    def running(self) -> list[RunningPush]:
        """The pushes that run."""
        return [job.running for job in self._jobs.values()]

    def wait_for(self, target: Target, token: str | None) -> Waiter:
        """Hear of the target's next push; with ``token`` instead of the identity file's."""
        waiter = Waiter()
        self._waiters.setdefault(target, []).append(waiter)
        if token:
            self._tokens[target] = token
        return waiter

    def leave(self, target: Target, waiter: Waiter) -> None:
        """Wait no longer."""
        if waiter in self._waiters.get(target, []):
            self._waiters[target].remove(waiter)

    def count_waiters(self, target: Target) -> int:
        """How many wait for the target's next push."""
        return len(self._waiters.get(target, []))

    def dismiss(self, target: Target) -> None:
        """There will be no push of the target: whoever waits for one hears so."""
        self._tokens.pop(target, None)
        error = Busy("it was taken out of the queue before its turn came", hint="Push again.")
        for waiter in self._waiters.pop(target, []):
            waiter.events.put_nowait(_no_document(target, error))

    def cut(self, target: Target, error: MuseError | None) -> bool:
        """End the target's push now: it failed with ``error``, or, without one, a person wants it ended."""
        job = self._jobs.get(target.repository)
        if job is None or job.entry.target != target or job.task is None or job.over:
            return False
        job.cut, job.by_person = error, error is None
        job.task.cancel()
        return True

    def park(self, target: Target) -> bool:
        """End the target's push now; its entry waits, and nobody. Whether there is one that is not over."""
        job = self._jobs.get(target.repository)
        if job is None or job.entry.target != target or job.task is None:
            return False
        if not job.over:
            job.task.cancel()
        return True

    async def close(self, patience_s: float) -> None:
        """Begin no more pushes; those that run may end within ``patience_s``, then they are parked."""
        self._closing = True
        jobs = {job.task: job for job in self._jobs.values() if job.task}
        if jobs:
            _, late = await asyncio.wait(jobs, timeout=patience_s)
            still = [task for task in late if not jobs[task].over]
            if still:
                logger.info("parked until the next start: %s", render_count(len(still), "push", "pushes"))
            for task in still:
                task.cancel()
            await asyncio.wait(jobs)
        await self.connections.close()

    async def run(self) -> None:
        """Push until cancelled."""
        while True:
            self._wake.clear()
            while not self._closing and len(self._jobs) < self.parallel and (entry := self._choose()):
                self._start(entry)
            due_s = next_due_s(self._queue, self._held)
            wait_s = None if due_s is None or self._closing else max(0.0, due_s - time.monotonic())
            if wait_s == 0.0 and len(self._jobs) >= self.parallel:
                wait_s = None
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    def _choose(self) -> Entry | None:
        return choose_entry(self._queue, self._held, self._served, time.monotonic())

    def _held(self, entry: Entry) -> bool:
        return entry.target.repository in self._jobs or bool(self._surroundings.held(entry))

    def _start(self, entry: Entry) -> None:
        path = entry.target.repository
        number, self._number = self._number, self._number + 1
        self._served[path] = number
        running = RunningPush(number, entry.target, entry.head, time.time(), time.monotonic())
        job = self._jobs[path] = _Job(entry, running)
        self._queue.put(began(entry))
        job.task = asyncio.create_task(self._run_job(job))

    async def _run_job(self, job: _Job) -> None:
        try:
            await self._do_job(job)
        except Exception as exc:
            self._give_up(job, name_error(exc, f"ending the push of {job.entry.target.repository}", logger))

    def _give_up(self, job: _Job, error: MuseError) -> None:
        """Free the repository of a push whose result could not be made known."""
        target = job.entry.target
        if self._jobs.get(target.repository) is job:
            del self._jobs[target.repository]
        for waiter in self._waiters.pop(target, []):
            waiter.events.put_nowait(_no_document(target, error))
        self._wake.set()
        if (entry := self._queue.get(target)) and entry.pushing:
            again = Unavailable(error.message, hint="It is tried again by itself.", details=error.details)
            self._queue.put(failed(entry, again, time.monotonic(), self._random))

    async def _do_job(self, job: _Job) -> None:
        target = job.entry.target
        outcome, error, base = "failed", None, ""
        try:
            prepared = await asyncio.to_thread(prepare_push, target, self._tokens.pop(target, None))
            base = prepared.url.base
            job.running.set_url(str(prepared.url))
            await self._push(job, prepared)
            assert job.result
            outcome = "up_to_date" if job.result.up_to_date else "done"
        except asyncio.CancelledError:
            error, outcome = job.cut, "failed" if job.cut else "cancelled"
        except MuseError as exc:
            error = exc
        except Exception as exc:
            error = name_error(exc, f"push of {target.repository}", logger)
        view = job.running.ended(job.result, outcome, error, time.time(), time.monotonic())
        await self._settle(job, view, outcome, error, base)

    async def _push(self, job: _Job, prepared: Prepared) -> None:
        target, base = job.entry.target, prepared.url.base
        loop, thread = asyncio.get_running_loop(), threading.get_ident()

        def listen(event: PhaseEvent) -> None:
            # At once where that can be: what is said last must be heard before the push has ended.
            if threading.get_ident() == thread:
                self._hear(job, event)
            else:
                loop.call_soon_threadsafe(self._hear, job, event)

        trust = self._surroundings.trust(base)
        async with (
            self.connections.open(base, trust.ca) as connections,
            HubClient(prepared.url, prepared.token, trust=trust, connections=connections) as client,
        ):
            push = make_push(
                prepared,
                client,
                target.branch,
                job.entry.head,
                listen,
                self.limit,
                by_itself=not job.entry.urgent,
            )
            job.result = push.result
            self._show(job)
            await push.run()

    def _hear(self, job: _Job, event: PhaseEvent) -> None:
        job.running.hear(event, time.monotonic())
        self._show(job)
        for waiter in self._waiters.get(job.entry.target, []):
            waiter.events.put_nowait(event)

    def _show(self, job: _Job) -> None:
        if job.result and self._jobs.get(job.entry.target.repository) is job:
            self._board.put("pushes", str(job.running.number), job.running.view(job.result, time.monotonic()))

    def _tell_hub(self, base: str, error: MuseError | None, outcome: str) -> None:
        host = base.partition("://")[2].partition("/")[0]
        if isinstance(error, Unreachable) and error.details.get("host") == host:
            self._hubs.failed(base, error)
        elif error is None and outcome != "cancelled":
            self._hubs.succeeded(base)

    async def _settle(self, job: _Job, view: PushView, outcome: str, error: MuseError | None, base: str) -> None:
        target, job.over = job.entry.target, True
        try:
            await self._surroundings.ended(job.entry, view, bool(self._waiters.get(target)))
        except MuseError as exc:
            logger.error("the push's record could not be kept: %s", exc.message)
        except Exception:
            logger.exception("the push's record could not be kept for a reason that was not foreseen")
        del self._jobs[target.repository]
        waiters = self._waiters.pop(target, [])
        self._tokens.pop(target, None)
        # Only now, in one step with the entry: a hub that answers again at once finds it waiting and wakes it.
        self._tell_hub(base, error, outcome)
        entry = self._queue.get(target)
        if entry and error:
            self._queue.put(failed(entry, error, time.monotonic(), self._random))
        elif entry and outcome == "cancelled":
            self._queue.put(cancelled(entry) if job.by_person else parked(entry))
        elif entry:
            self._queue.settle(target, succeeded(entry))
        self._surroundings.settled(target)
        self._board.drop("pushes", str(job.running.number))
        document = _document(job, outcome, error)
        for waiter in waiters:
            waiter.events.put_nowait(document)
        self._wake.set()


def _document(job: _Job, outcome: str, error: MuseError | None) -> dict[str, Any]:
    if outcome == "cancelled":
        error = Unreachable("the push was cut off", hint="It goes on where it was when it is tried again.")
    if job.result:
        return push_document(job.result, error)
    assert error
    return _no_document(job.entry.target, error)


def _no_document(target: Target, error: MuseError) -> dict[str, Any]:
    """Of a push that did not begin."""
    return {"ok": False, "branch": target.branch, "error": error.to_json(), "phases": []}
