"""The terminal interface as a program: the daemon's news in, a person's wishes out."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, TypeVar

from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from museui.core.errors import MuseError
from museui.core.figures import one_line
from museui.local.client import LocalClient
from museui.local.messages import RepositoryView
from museui.local.places import find_places
from museui.local.start import start_daemon

from . import wishes
from .actions import actions_of, bindings, with_keys
from .demo import open_demo
from .feed import Feed, News
from .preferences import read_keys, read_theme
from .screens.base import NewsScreen
from .screens.choose import Choose
from .screens.confirm import Confirm
from .screens.dashboard import Dashboard
from .screens.help import Help
from .screens.place import Place, make_place
from .themes import DARK, MONOCHROME, THEME_NAMES, THEMES, more_variables
from .view.clock import next_change_s
from .wishes import Wish

T = TypeVar("T")


class MuseApp(App[None]):
    """``client`` makes the way to the daemon, ``start`` starts one; ``now`` is the clock, in Unix seconds.

    ``theme``: the one a person chose before; ``keys``: an action's id → its keys; ``notice``: a line that stays on the
    dashboard: this is a demo, and what happens in it.
    """

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
        theme: str | None = None,
        keys: Mapping[str, str] | None = None,
        notice: str = "",
    ) -> None:
        super().__init__()
        self.notice = notice
        self.client = client
        self.now = now
        self.news = News()
        self.feed = Feed(lambda: self.post_message(self.FeedMoved()), client, start)
        self._clock: Timer | None = None
        self._keys = dict(keys or {})
        self.actions = with_keys(self._keys)
        for own in THEMES:
            self.register_theme(own)
        wanted = theme if theme in self.available_themes else DARK.name
        self.theme = MONOCHROME.name if self.no_color else wanted

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours, and those that are mixed from them."""
        variables = super().get_css_variables()
        variables |= more_variables(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def on_mount(self) -> None:
        """Paint first, then listen."""
        self.set_keymap(self._keys)
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
        """Show it, and look again when time has changed something; not on screens that are being taken down."""
        if not self.is_running:
            return
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
        """The command palette has the actions of the screen."""
        for action in actions_of(screen.WHERE, self.actions) if isinstance(screen, NewsScreen) else ():
            namespace = "app" if action.where == "everywhere" else "screen"
            if action.id != "palette":
                yield SystemCommand(
                    action.label, action.help, lambda do=f"{namespace}.{action.do}": self.run_action(do)
                )

    def action_open(self, where: str) -> None:
        """Go to another screen; only one lies over the dashboard."""
        if isinstance(self.screen, Place):
            if where != self.screen.WHERE:
                self.switch_screen(make_place(where))
        else:
            self.push_screen(make_place(where))

    @property
    def chosen_repository(self) -> str | None:
        """The id of the repository under the dashboard's cursor."""
        for screen in self.screen_stack:
            if isinstance(screen, Dashboard) and screen.repository:
                return screen.repository.id
        return None

    def ask_to_remove(self, repository: RepositoryView) -> None:
        """Look after a repository no longer, when a person says so."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask(wishes.unwatch(repository))

        question = f"Look after {one_line(repository.name)} no longer? Nothing is deleted, here or on the hub."
        self.push_screen(Confirm(question, "Remove it"), answered)

    def action_theme(self) -> None:
        """Choose the colours; they are kept."""
        self.push_screen(Choose("Theme", [(name, name) for name in THEME_NAMES], self.theme), self.use_theme)

    def use_theme(self, name: str | None) -> None:
        """Have this theme from now on; None: as it was."""
        if name:
            self.theme = name
            self.ask(wishes.keep_theme(name))

    def action_help(self) -> None:
        """Every key of this screen."""
        self.push_screen(Help(self.screen.WHERE if isinstance(self.screen, NewsScreen) else "", self.actions))

    def show_demo(self) -> None:
        """Have the demo in this terminal until it is left, unless this is one."""
        if self.notice:
            self.notify("this is the demo")
            return
        try:
            with self.suspend():
                code = open_demo()
        except SuspendNotSupported:
            self.notify("run it in a terminal: museui demo")
            return
        if code:
            self.notify("the demo did not work; in a terminal it says why: museui demo", severity="error")

    def tell_notice(self, notice: str) -> None:
        """Have this line on the dashboard."""
        self.notice = notice
        self._show(frozenset())

    def action_leave(self) -> None:
        """Leave; the daemon goes on."""
        self.exit()


def run() -> int:
    """Open it in this terminal; the exit code. Raises :class:`Usage` for ``[keys]`` that mean nothing."""
    config = find_places().config
    return run_app(MuseApp(theme=read_theme(config), keys=read_keys(config)))


def run_app(app: MuseApp) -> int:
    """Run until somebody leaves, or sends SIGTERM or SIGHUP; the terminal is then as it was. The exit code."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, app.exit, None, 128 + number)
        await app.run_async()

    asyncio.run(main())
    return app.return_code or 0
