"""What comes of itself: pauses and hours of pushing end, memories are written down, old history is forgotten."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Protocol

from museui.core.errors import MuseError
from museui.settings.config import Config

from .clock import Clock
from .history.push_history import History
from .repositories.roster import Roster
from .repositories.rows import write_remembered
from .store.database import Database

HOUSEKEEPING_S = 30.0
"""How often at least: also how long it takes to notice that somebody moved the clock."""
_PRUNE_S = 3600.0
_TRUST_S = 3600.0
"""How long the clock must have been right, as far as is known, before what is old by it is forgotten."""


class House(Protocol):
    """What is kept, and who hears of it."""

    config: Config

    def in_time(self) -> bool:
        """Whether it is the time of day at which may be pushed."""

    def refresh(self) -> None:
        """What is held may be different now."""

    def set_trouble(self, name: str, error: MuseError | None) -> None:
        """What keeps it from being kept."""


class Housekeeping:
    """:meth:`run` never ends by itself."""

    def __init__(self, house: House, database: Database, roster: Roster, history: History, clock: Clock) -> None:
        self._house = house
        self._database = database
        self._roster = roster
        self._history = history
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Keep house until cancelled."""
        pruned_s = -_PRUNE_S
        holding: tuple[frozenset[str], bool] = (frozenset(), True)
        while True:
            self._wake.clear()
            now = self._clock.now()
            pauses = {path: item.paused_until for path, item in self._roster.watched.items() if item.paused(now)}
            if (frozenset(pauses), self._house.in_time()) != holding:
                holding = (frozenset(pauses), self._house.in_time())
                self._house.refresh()
            try:
                await self.write_memories()
                if self._clock.undisturbed_s() >= _TRUST_S and time.monotonic() - pruned_s >= _PRUNE_S:
                    pruned_s = time.monotonic()
                    await self._history.prune(now - 86400.0 * self._house.config.history_days)
            except MuseError as exc:
                self._house.set_trouble("disk", exc)
            wait_s = min([HOUSEKEEPING_S, *(end - now for end in pauses.values() if end is not None)])
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, wait_s)):
                    await self._wake.wait()

    async def write_memories(self) -> None:
        """Write down what is remembered of repositories and has changed. Raises :class:`Unavailable`."""
        while self._roster.changed_memories:
            path = self._roster.changed_memories.pop()
            try:
                if path in self._roster.remembered:
                    await write_remembered(self._database, self._roster.remembered[path])
            except BaseException:
                self._roster.changed_memories.add(path)
                raise
