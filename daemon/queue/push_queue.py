"""The queue: its entries in memory, found by target, name and repository, and written to the database."""

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
Listener = Callable[[Target], None]


class PushQueue:
    """The entries. A change is seen at once and is on the disk a moment later, many changes in one transaction.

    Losing that moment loses nothing: the repositories say what has to be pushed, and are asked at the start.
    """

    def __init__(self, database: Database, troubled: Callable[[MuseError | None], None]) -> None:
        """``troubled`` is called after each writing: with the error, or with ``None``."""
        self._database = database
        self._troubled = troubled
        self._listeners: list[Listener] = []
        self._entries: dict[Target, Entry] = {}
        self._of_repository: dict[str, dict[Target, Entry]] = {}
        self._targets: dict[str, Target] = {}
        """Target of each entry by its name in the local API."""
        self._dirty: set[Target] = set()
        self._news = asyncio.Event()

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener`` with each target whose entry has changed or gone, in the order of subscription."""
        self._listeners.append(listener)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, target: Target) -> Entry | None:
        """Return the target's entry."""
        return self._entries.get(target)

    def by_id(self, entry_id: str) -> Entry | None:
        """Return the entry with this name in the local API."""
        target = self._targets.get(entry_id)
        return self._entries.get(target) if target else None

    def of(self, repository: str) -> list[Entry]:
        """Return the entries of one repository."""
        return list(self._of_repository.get(repository, {}).values())

    def put(self, entry: Entry) -> None:
        """Add an entry, or change the one of its target."""
        target = entry.target
        if self._entries.get(target) != entry:
            self._entries[target] = self._of_repository.setdefault(target.repository, {})[target] = entry
            self._targets[target.id] = target
            self._note(target)

    def drop(self, target: Target) -> None:
        """Remove the target's entry, if there is one."""
        if self._entries.pop(target, None):
            siblings = self._of_repository[target.repository]
            del siblings[target], self._targets[target.id]
            if not siblings:
                del self._of_repository[target.repository]
            self._note(target)

    def settle(self, target: Target, entry: Entry | None) -> None:
        """Put ``entry``, or remove the target's with ``None``."""
        if entry is None:
            self.drop(target)
        else:
            self.put(entry)

    def _note(self, target: Target) -> None:
        self._dirty.add(target)
        self._news.set()
        for listener in self._listeners:
            listener(target)

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
