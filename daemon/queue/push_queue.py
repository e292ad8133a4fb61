"""The queue as it is now: entries in memory, behind them their rows, before them what people see of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

from museui.core.errors import MuseError

from ..store.database import Database
from ..supervision import name_error
from .entry import Entry, Target
from .rows import write_entries

logger = logging.getLogger("daemon.queue")
Changed = Callable[[Target], None]


class PushQueue:
    """The entries. A change is seen at once and is on the disk a moment later, many changes in one transaction.

    Losing that moment loses nothing: the repositories say what has to be pushed, and are asked at the start.
    """

    def __init__(self, database: Database, changed: Changed, troubled: Callable[[MuseError | None], None]) -> None:
        """``changed`` hears every target whose entry changed; ``troubled`` whether writing works."""
        self._database = database
        self._changed = changed
        self._troubled = troubled
        self._entries: dict[Target, Entry] = {}
        self._dirty: set[Target] = set()
        self._news = asyncio.Event()

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, target: Target) -> Entry | None:
        """The target's entry."""
        return self._entries.get(target)

    def by_id(self, entry_id: str) -> Entry | None:
        """The entry that goes by this name in the local API."""
        return next((entry for entry in self if entry.target.id == entry_id), None)

    def of(self, repository: str) -> list[Entry]:
        """The entries of one repository."""
        return [entry for entry in self if entry.target.repository == repository]

    def put(self, entry: Entry) -> None:
        """Add an entry, or change it."""
        if self._entries.get(entry.target) != entry:
            self._entries[entry.target] = entry
            self._note(entry.target)

    def drop(self, target: Target) -> None:
        """Take an entry out."""
        if self._entries.pop(target, None):
            self._note(target)

    def settle(self, target: Target, entry: Entry | None) -> None:
        """The entry is this now; ``None``: there is none."""
        if entry is None:
            self.drop(target)
        else:
            self.put(entry)

    def _note(self, target: Target) -> None:
        self._dirty.add(target)
        self._news.set()
        self._changed(target)

    async def run(self) -> None:
        """Write what changes until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.flush()
            except Exception as exc:
                self._troubled(name_error(exc, "writing the queue", logger))
                await asyncio.sleep(1.0)
                self._news.set()
            else:
                self._troubled(None)

    async def flush(self) -> None:
        """Write what has changed. Raises :class:`Unavailable`; then it is kept for another try."""
        dirty, self._dirty = self._dirty, set()
        if not dirty:
            return
        try:
            await write_entries(self._database, {target: self._entries.get(target) for target in dirty})
        except BaseException:
            self._dirty |= dirty
            raise
