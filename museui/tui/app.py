"""The terminal interface as a program: the daemon's news in, a person's wishes out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from museui.local.client import LocalClient

from .actions import ACTIONS
from .feed import Feed, News
from .screens.dashboard import Dashboard
from .themes import DARK, MONOCHROME, THEMES
from .widgets.table import Table

_CLOCK_S = 1.0


class MuseApp(App[None]):
    """``client`` makes the way to the daemon; ``now`` is the clock, in Unix seconds."""

    TITLE = "MuseUI"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.keys, action.id, action.label, show=action.footer, id=action.id.partition("(")[0] + action.keys)
        for action in ACTIONS
    ]

    def __init__(self, client: Callable[[], LocalClient] = LocalClient, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.client = client
        self.now = now
        self.news = News()
        self.dashboard = Dashboard()
        self.feed = Feed(lambda: self.call_from_thread(self.take_news), client)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = MONOCHROME.name if os.environ.get("NO_COLOR") else DARK.name

    def on_mount(self) -> None:
        """Paint first, then listen."""
        self.push_screen(self.dashboard)
        self.feed.start()
        self.set_interval(_CLOCK_S, self.tick)

    def take_news(self) -> None:
        """What the daemon told since the last time."""
        self.news = self.feed.take()
        self.tick()

    def tick(self) -> None:
        """Ages and countdowns go on."""
        if self.dashboard.is_mounted:
            self.dashboard.show(self.news, self.now())

    def on_table_moved(self, event: Table.Moved) -> None:
        """The push panel follows the cursor."""
        if event.table.id == "repositories":
            self.dashboard.show_selected(self.now())

    def action_panel(self, name: str) -> None:
        """Go to a panel."""
        self.dashboard.go(name)

    async def action_quit(self) -> None:
        """Leave; the daemon goes on."""
        self.feed.stop()
        self.exit()


def run() -> None:
    """Open it in this terminal."""
    MuseApp().run()
