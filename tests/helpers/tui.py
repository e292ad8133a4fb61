"""The terminal interface in a test: on a scripted daemon, with a clock that stands, waited for by what it shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from museui.core.errors import Unreachable
from museui.tui.app import MuseApp
from museui.tui.screens.dashboard import Dashboard
from museui.tui.widgets.table import Table
from tests.helpers.scripted_daemon import NOW, ScriptedDaemon

_PATIENCE_S = 30.0


class Screen:
    """An app that runs, and its keys."""

    def __init__(self, app: MuseApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, condition: Callable[[], Any], what: str = "it") -> Any:
        """What ``condition`` gives once it gives something."""
        deadline = time.monotonic() + _PATIENCE_S
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{what} never came:\n{self.text}"
            await self.pilot.pause()
            await asyncio.sleep(0.005)
        return value

    async def sees(self, *texts: str) -> None:
        """Wait until the screen has all of these texts."""
        await self.until(lambda: all(text in self.text for text in texts), " and ".join(map(repr, texts)))

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    @property
    def text(self) -> str:
        """The screen as text."""
        return "\n".join("".join(segment.text for segment in strip) for strip in self.lines)

    @property
    def lines(self) -> list[Any]:
        """The screen's lines."""
        return list(self.app.screen._compositor.render_strips(self.app.size))

    @property
    def dashboard(self) -> Dashboard:
        """The dashboard, whatever is above it."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, Dashboard))

    def keys_of(self, table: str) -> list[str]:
        """The keys of a list's rows."""
        return [row.key for row in self.app.screen.query_one(f"#{table}", Table).rows]


def never() -> object:
    """A daemon that does not start."""
    raise Unreachable("the daemon was started and does not answer", hint="Look at its log.")


@asynccontextmanager
async def open_screen(
    daemon: ScriptedDaemon,
    size: tuple[int, int] = (120, 36),
    start: Callable[[], object] = never,
    **options: Any,
) -> AsyncIterator[Screen]:
    """The app on ``daemon``; ``start`` is what starts a daemon."""
    app = MuseApp(daemon.client, start, lambda: NOW, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Screen(app, pilot)
