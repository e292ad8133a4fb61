"""The Textual app: shows the daemon's state as it changes, and sends the daemon what a person asks for."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, TypeVar

from textual.app import SuspendNotSupported, SystemCommand
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from museui.core.errors import MuseError
from museui.core.figures import one_line
from museui.local.client import LocalClient
from museui.local.messages import RepositoryView
from museui.local.start import start_daemon

from . import requests
from .actions import bindings, with_keys
from .app_protocol import AppProtocol
from .background import call_in_app, run_in_background
from .demo import open_demo
from .feed import Feed, News
from .requests import Request
from .screens.base import NewsScreen
from .screens.by_name import make_screen
from .screens.dashboard import Dashboard
from .screens.panels import PanelScreen
from .themes import DARK, MONOCHROME, THEME_NAMES, THEMES, more_variables
from .typeahead import TypeAhead
from .view.clock import next_change_s

T = TypeVar("T")
_SHOW_S = 0.1


class MuseApp(TypeAhead):
    """The Textual app of MuseUI.

    ``client`` makes a client of the daemon, ``start`` starts the daemon, ``now`` is the clock in Unix seconds.
    ``theme`` is the configured theme's name, ``keys`` the configured keys by action id. ``banner`` is a line that stays
    on the dashboard, as in the demo. ``feed`` is one that is connecting already.
    """

    TITLE = "MuseUI"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("gone"), *bindings("everywhere")]
    CSS = """
    App { background: $background; }
    * { scrollbar-size-vertical: 1; }
    CommandPalette SearchIcon { display: none; }
    CommandPalette:ansi #--input { border: hkey $primary; }
    CommandPalette:ansi CommandList { border-bottom: hkey $primary; }
    """

    class FeedMoved(Message):
        """The feed has news."""

    def __init__(
        self,
        client: Callable[[], LocalClient] = LocalClient,
        start: Callable[[], object] = start_daemon,
        now: Callable[[], float] = time.time,
        theme: str | None = None,
        keys: Mapping[str, str] | None = None,
        banner: str = "",
        feed: Feed | None = None,
    ) -> None:
        super().__init__()
        self.banner = banner
        self.client = client
        self.now = now
        self.news = News()
        self.feed = feed or Feed(client, start)
        self._shown_s = 0.0
        self._clock: Timer | None = None
        self._keys = dict(keys or {})
        self.actions = with_keys(self._keys)
        for own in THEMES:
            self.register_theme(own)
        wanted = theme if theme in self.available_themes else DARK.name
        self.theme = MONOCHROME.name if self.no_color else wanted

    def get_css_variables(self) -> dict[str, str]:
        """Return the theme's colours and those that our styles add."""
        variables = super().get_css_variables()
        variables |= more_variables(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def on_mount(self) -> None:
        """Show the state that has arrived so far, then listen for more."""
        self.set_keymap(self._keys)
        self.news = self.feed.take()
        self.push_screen(Dashboard())
        self.call_after_refresh(self._listen)

    def _listen(self) -> None:
        gc.freeze()  # these objects live as long as the app: collections that visit them would delay a key
        self.feed.subscribe(lambda: self.post_message(self.FeedMoved()))
        self.feed.start()

    def on_unmount(self) -> None:
        """Stop the feed: there is no screen left to update."""
        self.feed.stop()

    def on_muse_app_feed_moved(self) -> None:
        """Show news at once, then at most ten times a second, however much arrives."""
        rest_s = self._shown_s + _SHOW_S - time.monotonic()
        if rest_s > 0:
            self.set_timer(rest_s, self._take)
        else:
            self._take()

    def _take(self) -> None:
        self._shown_s = time.monotonic()
        self.news = self.feed.take()
        self._show(self.news.changed)

    def _show(self, changed: frozenset[str]) -> None:
        """Update every screen, and again when time alone changes what is shown. Does nothing while the app ends."""
        if not self.is_running:
            return
        for screen in self.screen_stack:
            if isinstance(screen, NewsScreen) and screen.is_mounted:
                screen.show_news(changed)
        if self._clock:
            self._clock.stop()
        self._clock = self.set_timer(next_change_s(self.news.state, self.now()), lambda: self._show(frozenset()))

    def ask(
        self, request: Request[T], then: Callable[[T], object], failed: Callable[[MuseError], object] | None = None
    ) -> None:
        """Ask the daemon in the background and pass its answer to ``then``.

        An error goes to ``failed``, or becomes a notification when there is none.
        """
        self.in_background(lambda: request(self.client()), then, failed)

    def ask_and_say(self, request: Request[str]) -> None:
        """Ask the daemon in the background and show its answer as a notification."""
        self.ask(request, self.say)

    def in_background(
        self, work: Callable[[], T], then: Callable[[T], object], failed: Callable[[MuseError], object] | None = None
    ) -> None:
        """Call ``work`` in a thread and pass on its result or error as :meth:`ask` does."""
        run_in_background(self, work, then, failed or self.say_error)

    def call_in_app(self, function: Callable[[T], object], value: T) -> None:
        """Call ``function`` in the app's thread; callable from any other."""
        call_in_app(self, function, value)

    def say(self, text: str) -> None:
        """Show a notification; nothing for an empty text."""
        if text:
            self.notify(one_line(text), markup=False)

    def say_error(self, error: MuseError) -> None:
        """Show an error and its hint as a notification."""
        text = f"{one_line(error.message)}\n{one_line(error.hint or '')}".strip()
        self.notify(text, severity="error", markup=False)

    def copy(self, text: str) -> None:
        """Copy ``text`` to the clipboard through the terminal (OSC 52), which works over SSH."""
        self.copy_to_clipboard(text)
        self.notify("copied")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the screen's actions for the command palette."""
        for action in screen.offered() if isinstance(screen, NewsScreen) else ():
            if action.id != "palette":
                yield SystemCommand(
                    action.label, action.help, lambda do=f"{action.namespace}.{action.do}": self.run_action(do)
                )

    def action_open(self, where: str) -> None:
        """Open a panel screen; see :meth:`open_screen`."""
        self.open_screen(where)

    def open_screen(self, where: str) -> None:
        """Open the panel screen of this name, in place of another panel screen."""
        if isinstance(self.screen, PanelScreen):
            if where != self.screen.WHERE:
                self.switch_screen(make_screen(where))
        else:
            self.push_screen(make_screen(where))

    def theme_name(self) -> str:
        """Return the name of the present theme."""
        return self.theme

    def chosen_repository(self) -> str | None:
        """Return the id of the repository under the dashboard's cursor."""
        for screen in self.screen_stack:
            if isinstance(screen, Dashboard) and screen.repository:
                return screen.repository.id
        return None

    def ask_to_remove(self, repository: RepositoryView) -> None:
        """Stop watching a repository, after a question."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask_and_say(requests.unwatch(repository))

        from .screens.confirm import Confirm

        question = f"Stop watching {one_line(repository.name)}? Nothing is deleted, here or on the hub."
        self.push_screen(Confirm(question, "Remove it"), answered)

    def retry(self, repository: RepositoryView | None) -> None:
        """Retry the queue entries of a repository, or check it again when it has none and is in trouble."""
        queue = self.news.state.queue.values()
        entries = [entry for entry in queue if repository and entry.repository == repository.id]
        if entries:
            self.ask_and_say(requests.retry(entries))
        elif repository and repository.trouble:
            self.ask_and_say(requests.check_again(repository))
        else:
            self.notify("nothing to retry")

    def sign_in(self, repository: RepositoryView | None) -> None:
        """Open the sign-in dialog for the hub of a repository; without one, for the first hub."""
        from .screens.sign_in import SignIn

        hubs, url = list(self.news.state.hubs), (repository.url if repository else None) or ""
        mine = [base for base in hubs if url.startswith(f"{base}/")] or hubs
        self.push_screen(SignIn(mine[0] if mine else ""))

    def action_start_daemon(self) -> None:
        """Start the daemon when it is gone."""
        if self.news.gone:
            self.feed.start_daemon()

    def action_theme(self) -> None:
        """Choose a theme and keep it."""
        from .screens.choose import Choose

        self.push_screen(Choose("Theme", [(name, name) for name in THEME_NAMES], self.theme), self.use_theme)

    def use_theme(self, name: str | None) -> None:
        """Switch to a theme and keep it in the settings; None changes nothing."""
        if name:
            self.theme = name
            self.ask_and_say(requests.keep_theme(name))

    def action_help(self) -> None:
        """Show every key of this screen."""
        from .screens.help import Help

        everywhere = [action for action in self.actions if action.where == "everywhere"]
        self.push_screen(Help(self.screen.offered() if isinstance(self.screen, NewsScreen) else everywhere))

    def show_demo(self) -> None:
        """Run the demo in this terminal until it ends, unless this is the demo."""
        if self.banner:
            self.notify("this is the demo")
            return
        try:
            with self.suspend():
                code = open_demo()
        except SuspendNotSupported:
            self.notify("run it in a terminal: museui demo")
            return
        if code:
            self.notify("the demo failed; to see why, run in a terminal: museui demo", severity="error")

    def show_banner(self, banner: str) -> None:
        """Show this line on the dashboard."""
        self.banner = banner
        self._show(frozenset())

    def action_leave(self) -> None:
        """Leave; the daemon keeps running."""
        self.exit()


_CHECKED: type[AppProtocol] = MuseApp  # for mypy: the app has all that its screens ask of it
