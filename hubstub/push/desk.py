"""What the pushes of one process share: a lock for each upload, a bound on how many are verified at once.

A push that has begun goes on when its client leaves: the client asks again and gets the recorded answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..arrivals.at_once import Arrivals
from ..parts import HubParts
from .early import EarlyReads

_VERIFIED_AT_ONCE = 4
_QUIET_S = 0.25
_MAX_WAIT_S = 10.0

T = TypeVar("T")


class PushDesk:
    """Created with the hub; :meth:`close` before its database is closed."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(_VERIFIED_AT_ONCE, thread_name_prefix="verify")
        self.early = EarlyReads()
        self.arrivals = Arrivals()
        self._slots = asyncio.Semaphore(_VERIFIED_AT_ONCE)
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended_at = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def alone(self, upload_id: str) -> AsyncIterator[None]:
        """Nobody else works on this upload meanwhile."""
        lock, users = self._locks.get(upload_id, (asyncio.Lock(), 0))
        self._locks[upload_id] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(upload_id)
            if users > 1:
                self._locks[upload_id] = (lock, users - 1)

    def works_on(self, upload_id: str) -> bool:
        """Whether somebody works on this upload, or waits for that."""
        return upload_id in self._locks

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One of the places in which a push is verified and recorded."""
        self._running += 1
        self._idle.clear()
        try:
            async with self._slots:
                yield
        finally:
            self._running -= 1
            self._ended_at = time.monotonic()
            if not self._running:
                self._idle.set()

    async def wait_quiet(self) -> None:
        """Return when the last push is over for a quarter of a second, or after ten seconds: for work nobody awaits."""
        give_up = time.monotonic() + _MAX_WAIT_S
        while (now := time.monotonic()) < give_up:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(give_up - now):
                    await self._idle.wait()
            rest_s = self._ended_at + _QUIET_S - time.monotonic()
            if self._idle.is_set() and rest_s <= 0:
                return
            await asyncio.sleep(min(max(rest_s, 0.0), _QUIET_S))

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives; it goes on to its end even when whoever waits here is cancelled."""
        return await asyncio.shield(self.begin(work))

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Let ``work`` go on by itself; :meth:`close` waits for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def running(self) -> set[asyncio.Task[Any]]:
        """What has begun and not ended."""
        return set(self._tasks)

    async def close(self) -> None:
        """Wait for what has begun."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.executor.shutdown()
        self.early.close()


@dataclass(frozen=True, slots=True)
class PushParts(HubParts):
    """The parts that receiving a push needs."""

    jobs_waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever adds a job to the table, so that the runner looks at once."""
    desk: PushDesk = field(default_factory=PushDesk)
    """What the pushes of this process share."""
