"""The terminal interface as a program: the daemon's news in, a person's wishes out."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
import threading
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

from . import wishes
from .actions import bindings, with_keys
from .asking import ask_daemon, tell
from .demo import open_demo
from .feed import Feed, News
from .screens.base import NewsScreen
from .screens.dashboard import Dashboard
from .screens.place import Place, make_place
from .themes import DARK, MONOCHROME, THEME_NAMES, THEMES, more_variables
from .typeahead import TypeAhead
from .view.clock import next_change_s
from .wishes import Wish

T = TypeVar("T")
_SHOW_S = 0.1
_END_S = 3.0
_HUNG_UP = 128 + signal.SIGHUP


class MuseApp(TypeAhead):
    """``client`` makes the way to the daemon, ``start`` starts one; ``now`` is the clock, in Unix seconds.

    ``theme``: the one a person chose before; ``keys``: an action's id → its keys; ``notice``: a line that stays on the
    dashboard: this is a demo, and what happens in it; ``feed``: one that has begun.
    """

    TITLE = "MuseUI"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("gone"), *bindings("everywhere")]
    CSS = "App { background: $background; } * { scrollbar-size-vertical: 1; }"

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
        feed: Feed | None = None,
    ) -> None:
        super().__init__()
        self.notice = notice
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
        """The theme's colours, and those that are mixed from them."""
        variables = super().get_css_variables()
        variables |= more_variables(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def on_mount(self) -> None:
        """Paint what is known by now, then listen."""
        self.set_keymap(self._keys)
        self.news = self.feed.take()
        self.push_screen(Dashboard())
        self.call_after_refresh(self._listen)

    def _listen(self) -> None:
        gc.freeze()  # what is there now stays: looking through it again would keep a key waiting
        self.feed.tell_to(lambda: self.post_message(self.FeedMoved()))
        self.feed.start()

    def on_unmount(self) -> None:
        """Say nothing to a screen that is gone."""
        self.feed.stop()

    def on_muse_app_feed_moved(self) -> None:
        """News is shown at once, and then ten times a second at most, however much there is."""
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

        def hear(answer: T | MuseError) -> None:
            if isinstance(answer, MuseError):
                self.say("", answer)
            else:
                then(answer)

        ask_daemon(self, work, hear)

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
        for action in screen.offered() if isinstance(screen, NewsScreen) else ():
            if action.id != "palette":
                yield SystemCommand(
                    action.label, action.help, lambda do=f"{action.namespace}.{action.do}": self.run_action(do)
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

        from .screens.confirm import Confirm

        question = f"Look after {one_line(repository.name)} no longer? Nothing is deleted, here or on the hub."
        self.push_screen(Confirm(question, "Remove it"), answered)

    def retry(self, repository: RepositoryView | None) -> None:
        """Try again what waits for it; look at it again when it is in trouble and nothing waits."""
        queue = self.news.state.queue.values()
        entries = [entry for entry in queue if repository and entry.repository == repository.id]
        if entries:
            self.ask(wishes.retry(entries))
        elif repository and repository.trouble:
            self.ask(wishes.look_again(repository))
        else:
            self.notify("nothing waits to be tried again")

    def sign_in(self, repository: RepositoryView | None) -> None:
        """Ask for a token for the hub of a repository, or for the first hub there is."""
        from .screens.sign_in import SignIn

        hubs, url = list(self.news.state.hubs), (repository.url if repository else None) or ""
        mine = [base for base in hubs if url.startswith(f"{base}/")] or hubs
        self.push_screen(SignIn(mine[0] if mine else ""))

    def action_start_daemon(self) -> None:
        """Start it, when it is gone."""
        if self.news.gone:
            self.feed.start_daemon()

    def action_theme(self) -> None:
        """Choose the colours; they are kept."""
        from .screens.choose import Choose

        self.push_screen(Choose("Theme", [(name, name) for name in THEME_NAMES], self.theme), self.use_theme)

    def use_theme(self, name: str | None) -> None:
        """Have this theme from now on; None: as it was."""
        if name:
            self.theme = name
            self.ask(wishes.keep_theme(name))

    def action_help(self) -> None:
        """Every key of this screen."""
        from .screens.help import Help

        everywhere = [action for action in self.actions if action.where == "everywhere"]
        self.push_screen(Help(self.screen.offered() if isinstance(self.screen, NewsScreen) else everywhere))

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


def run_app(app: MuseApp, give_up: Callable[[], object] = lambda: None) -> int:
    """Run until somebody leaves, sends SIGTERM or SIGHUP, or the terminal is gone. The exit code.

    The terminal is left as it was. ``give_up`` is called, in another thread, before the process is ended because the
    app cannot end: what it would still paint waits for a terminal that is gone.
    """
    ended = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, app.exit, None, 128 + number)
        threading.Thread(target=_follow_terminal, args=(app, ended, give_up), name="terminal", daemon=True).start()
        await app.run_async()

    asyncio.run(main())
    ended.set()
    return app.return_code or 0


def _follow_terminal(app: MuseApp, ended: threading.Event, give_up: Callable[[], object]) -> None:
    """End the app when its terminal goes without a signal: Textual would read the end of its input for ever.

    An app that waits to paint hears of nothing: its process is ended.
    """
    if sys.__stdin__ is None:
        return
    poll = select.poll()
    poll.register(sys.__stdin__.fileno(), 0)
    if any(event & select.POLLHUP for _, event in poll.poll()):
        tell(app, lambda code: app.exit(None, code), _HUNG_UP)
        if not ended.wait(_END_S):
            give_up()
            os._exit(_HUNG_UP)
