"""Keys one after the other: what was typed ahead goes to the screen or the line that the key before it has opened."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from textual.app import App
from textual.events import Event, Key, Paste

_PATIENCE_S = 1.0


class TypeAhead(App[None]):
    """An app that passes a key on when what the one before it did is done.

    Textual passes each on at once, to whatever has the focus then; a key's binding runs later than that.
    """

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Event] = deque()
        self._passed_s = 0.0

    async def on_event(self, event: Event) -> None:
        """Keep a key, and what is pasted, until it is its turn."""
        if not isinstance(event, (Key, Paste)) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        if len(self._typed) == 1:
            await self._pass_on()

    async def _pass_on(self) -> None:
        if not self._is_busy or time.monotonic() - self._passed_s > _PATIENCE_S:
            self._passed_s = time.monotonic()
            await super().on_event(self._typed.popleft())
        if self._typed:
            await asyncio.sleep(0)
            self.call_later(self._pass_on)

    @property
    def _is_busy(self) -> bool:
        """Whether messages wait here or anywhere on the screen."""
        everyone = (self, self.screen, *self.screen.walk_children())
        return any(pump.message_queue_size for pump in everyone)
