"""The terminal interface as a program: the daemon's news in, a person's wishes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from museui.core.errors import MuseError
from museui.core.figures import one_line
from museui.local.client import LocalClient
from museui.local.start import start_daemon

from .actions import ACTIONS, bindings
from .feed import Feed, News
from .screens.base import NewsScreen
from .screens.dashboard import Dashboard
from .screens.help import Help
from .themes import DARK, MONOCHROME, THEMES, more_variables
from .view.clock import next_change_s
from .wishes import Wish

T = TypeVar("T")


class MuseApp(App[None]):
    """``client`` makes the way to the daemon, ``start`` starts one; ``now`` is the clock, in Unix seconds."""

    TITLE = "MuseUI"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere")]
    CSS = "App { background: $background; }"

    class FeedMoved(Message):
        """There is news."""

    def __init__(
        self,
        client: Callable[[], LocalClient] = LocalClient,
        start: Callable[[], object] = start_daemon,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.client = client
        self.now = now
        self.news = News()
        self.feed = Feed(lambda: self.post_message(self.FeedMoved()), client, start)
        self._clock: Timer | None = None
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = MONOCHROME.name if self.no_color else DARK.name

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours, and those that are mixed from them."""
        variables = super().get_css_variables()
        variables |= more_variables(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def on_mount(self) -> None:
        """Paint first, then listen."""
        self.push_screen(Dashboard())
        self.call_after_refresh(self.feed.start)

    def on_unmount(self) -> None:
        """Say nothing to a screen that is gone."""
        self.feed.stop()

    def on_muse_app_feed_moved(self) -> None:
        """What the daemon told since the last time."""
        self.news = self.feed.take()
        self._show(self.news.changed)

    def _show(self, changed: frozenset[str]) -> None:
        """Show it, and look again when time has changed something."""
        for screen in self.screen_stack:
            if isinstance(screen, NewsScreen) and screen.is_mounted:
                screen.show_news(changed)
        if self._clock:
            self._clock.stop()
        self._clock = self.set_timer(next_change_s(self.news.state, self.now()), lambda: self._show(frozenset()))

    def ask(self, wish: Wish) -> None:
        """Ask the daemon in a thread, and say what came of it."""

        self.fetch(wish, self.say)

    def fetch(self, work: Callable[[LocalClient], T], then: Callable[[T], object]) -> None:
        """Ask the daemon in a thread; what it answers goes to ``then``, a failure is said."""

        def run() -> None:
            try:
                answer = work(self.client())
            except MuseError as exc:
                self.call_from_thread(self.say, "", exc)
                return
            self.call_from_thread(then, answer)

        self.run_worker(run, thread=True, exit_on_error=False)

    def say(self, said: str, failure: MuseError | None = None) -> None:
        """A note that goes away by itself."""
        if failure:
            text = f"{one_line(failure.message)}\n{one_line(failure.hint or '')}".strip()
            self.notify(text, severity="error", markup=False)
        elif said:
            self.notify(one_line(said), markup=False)

    def copy(self, text: str) -> None:
        """To the clipboard, by the terminal (OSC 52), so that it works over SSH."""
        self.copy_to_clipboard(text)
        self.notify("copied")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette has the actions of the screen, and the themes."""
        for action in ACTIONS:
            if action.where == "everywhere" or (isinstance(screen, NewsScreen) and action.where == screen.WHERE):
                namespace = "app" if action.where == "everywhere" else "screen"
                if action.id != "palette":
                    yield SystemCommand(
                        action.label, action.help, lambda do=f"{namespace}.{action.do}": self.run_action(do)
                    )
        yield SystemCommand("theme", "Choose the colours", self.action_change_theme)

    def action_help(self) -> None:
        """Every key of this screen."""
        self.push_screen(Help(self.screen.WHERE if isinstance(self.screen, NewsScreen) else ""))

    def action_leave(self) -> None:
        """Leave; the daemon goes on."""
        self.exit()


def run() -> None:
    """Open it in this terminal."""
    MuseApp().run()
