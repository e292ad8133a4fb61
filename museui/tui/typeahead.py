"""Type-ahead: a key goes to the screen or input that the key before it opened."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from textual.app import App
from textual.events import Event, Key, Paste

_PATIENCE_S = 1.0


class TypeAhead(App[None]):
    """An app that handles a key only when the effects of the key before it are complete.

    Textual dispatches each key at once to the widget in focus, but runs the binding of a key later.
    """

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Event] = deque()
        self._passed_s = 0.0

    async def on_event(self, event: Event) -> None:
        """Queue keys and pasted text until the ones before them are handled."""
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
        """True while the app or any widget of the screen has messages to handle."""
        everyone = (self, self.screen, *self.screen.walk_children())
        return any(pump.message_queue_size for pump in everyone)
