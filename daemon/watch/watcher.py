"""Watching all repositories: by notices, or, when the system has none to give, by looking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from museui.core.errors import NotFound, Unavailable

from .notices import Notices

LOOK_S = 30.0
"""How often it is checked that every repository is where it was: unmounting and moving tell nobody."""
ANEW_S = 300.0
"""How often everything is watched anew and looked at, whatever was noticed: a file system that was mounted again, or
that another machine writes to, tells nobody.
"""
POLL_S = 2.0
"""How often when nothing can be noticed."""
_RETRY_S = 60.0
_SETTLE_S = 0.25


class Listener(Protocol):
    """Who is told."""

    def folders(self) -> frozenset[str]:
        """What is to be watched now."""

    def changed(self, paths: set[str]) -> None:
        """Something happened to these paths."""

    async def look(self, folders: frozenset[str] | None) -> None:
        """Look at the repositories of ``folders``, which are watched from now on; ``None``: at all."""

    async def check_places(self) -> None:
        """Look at the repositories that are not where they were, or not the same."""

    def watching(self, count: int, trouble: Unavailable | None) -> None:
        """How many folders are watched; ``trouble`` is why none are."""


class Watcher:
    """Keeps the right folders watched; :meth:`run` never ends by itself."""

    def __init__(self, listener: Listener, clock: Callable[[], float]) -> None:
        self._listener = listener
        self._clock = clock
        self._wake = asyncio.Event()
        self._notices: Notices | None = None
        self._retry_s = 0.0
        self._anew = False

    def check_folders(self, *, anew: bool = False) -> None:
        """The folders to be watched may be others now; ``anew``: even though they are called the same."""
        self._anew = self._anew or anew
        self._wake.set()

    def watches(self, path: str) -> bool:
        """Whether this very folder is watched."""
        return self._notices is not None and path in self._notices.folders

    async def run(self) -> None:
        """Watch until cancelled."""
        looked_s = renewed_s = self._clock()
        try:
            while True:
                self._wake.clear()
                if self._clock() - renewed_s >= ANEW_S:
                    renewed_s, self._anew = self._clock(), True
                await self._follow()
                every_s = LOOK_S if self._notices else POLL_S
                if self._clock() - looked_s >= every_s:
                    looked_s = self._clock()
                    await (self._listener.check_places() if self._notices else self._listener.look(None))
                await self._wait(max(0.0, looked_s + every_s - self._clock()))
        finally:
            if self._notices:
                self._notices.stop()
                self._notices = None

    async def _wait(self, seconds: float) -> None:
        woken = asyncio.ensure_future(self._wake.wait())
        futures: set[asyncio.Future[Any]] = {woken}
        if self._notices:
            futures.add(self._notices.ended)
        await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._notices and self._notices.ended.done():
            self._notices = None
        if woken.done():
            await asyncio.sleep(_SETTLE_S)  # repositories are often added one after the other
        woken.cancel()

    async def _follow(self) -> None:
        """Watch what is to be watched now. The new notices begin before the old ones end, so nothing is missed."""
        wanted = self._listener.folders()
        former = self._notices
        anew, self._anew = self._anew, False
        if former and former.folders == wanted and not anew:
            return
        if not former and self._clock() < self._retry_s:
            return
        notices = Notices(wanted, self._listener.changed)
        try:
            await notices.begin()
        except NotFound:
            await self._listener.look(None)
            self._wake.set()
            return
        except Unavailable as exc:
            self._retry_s = self._clock() + _RETRY_S
            self._notices = None
            self._listener.watching(0, exc)
        else:
            self._notices = notices
            self._listener.watching(len(wanted), None)
            await self._listener.look(wanted - former.folders if former and not anew else None)
        if former:
            former.stop()
