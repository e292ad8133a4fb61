"""What the daemon shows: its whole state, item by item, and everybody who looks on.

A reader gets the state once and then each item that changed. What changes faster than a reader reads is put
together: of an item only its newest value waits, so a reader's backlog is bounded by the number of items.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from museui.local.messages import COLLECTIONS, encode

_MAX_BACKLOG = 20_000
_KEPT = {"history": 50, "log": 200}
"""Collections that only grow: how many of their newest items the state has."""


class Reader:
    """One who looks on; made by :meth:`Board.open_reader`."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.too_slow = False
        self._first: dict[str, Any] | None = {"event": "state", "state": state}
        self._changed: dict[tuple[str, str], Any] = {}
        self._news = asyncio.Event()
        self._news.set()

    def tell(self, what: str, key: str, value: dict[str, Any] | None) -> None:
        """An item has this value now; ``None``: it is gone."""
        self._changed.pop((what, key), None)
        self._changed[what, key] = value
        self.too_slow = self.too_slow or len(self._changed) > _MAX_BACKLOG
        self._news.set()

    async def next_events(self) -> list[dict[str, Any]]:
        """Wait until there is something new; all of it, in order."""
        await self._news.wait()
        self._news.clear()
        events = [] if self._first is None else [self._first]
        self._first = None
        changed, self._changed = self._changed, {}
        for (what, key), value in changed.items():
            if value is None:
                events.append({"event": "drop", "what": what, "id": key})
            else:
                events.append({"event": "put", "what": what, "id": key, "value": value})
        return events


class Board:
    """The state: collections of items (see :data:`museui.local.messages.COLLECTIONS`)."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in COLLECTIONS}
        self._messages: dict[str, dict[str, Any]] = {name: {} for name in COLLECTIONS}
        self._readers: set[Reader] = set()

    @property
    def readers(self) -> int:
        """How many look on."""
        return len(self._readers)

    def put(self, what: str, key: str, message: Any) -> None:
        """Show ``message`` as the item ``key`` of the collection ``what``, unless it is what is shown already."""
        items, messages = self._items[what], self._messages[what]
        if messages.get(key) == message:  # quicker told of what was given than of what it is encoded to
            return
        value = encode(message)
        items[key], messages[key] = value, message
        for reader in self._readers:
            reader.tell(what, key, value)
        for oldest in list(items)[: -_KEPT.get(what, len(items))]:
            self.drop(what, oldest)

    def drop(self, what: str, key: str) -> None:
        """Show it no longer."""
        self._messages[what].pop(key, None)
        if self._items[what].pop(key, None) is not None:
            for reader in self._readers:
                reader.tell(what, key, None)

    def items(self, what: str) -> Mapping[str, dict[str, Any]]:
        """A collection as it is shown."""
        return self._items[what]

    def state(self) -> dict[str, Any]:
        """Everything that is shown."""
        return {name: dict(items) for name, items in self._items.items()}

    def open_reader(self) -> Reader:
        """Begin to look on; :meth:`close_reader` ends it."""
        reader = Reader(self.state())
        self._readers.add(reader)
        return reader

    def close_reader(self, reader: Reader) -> None:
        """Look on no longer."""
        self._readers.discard(reader)
