"""The terminal interface as a program: the daemon's news in, a person's wishes out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.events import Key

from museui.core.errors import MuseError, error_from_code
from museui.local.client import LocalClient
from museui.local.messages import QueueView

from .actions import ACTIONS
from .feed import Feed, News
from .screens.confirm import Confirm
from .screens.dashboard import Dashboard
from .screens.help import Help
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

    def action_help(self) -> None:
        """Every key."""
        self.push_screen(Help())

    def action_leave(self) -> None:
        """Leave; the daemon goes on."""
        self.feed.stop()
        self.exit()

    def action_filter(self) -> None:
        """Type what to look for."""
        self.dashboard.open_filter()

    def action_copy(self) -> None:
        """What is shown of the repository, or of the row of another list, to the clipboard."""
        text = self.dashboard.text_to_copy()
        if text:
            self.copy_to_clipboard(text)
            self.notify("copied")

    def action_push_now(self) -> None:
        """Push the repository under the cursor."""
        repository = self.dashboard.repository
        if repository is None or repository.current_branch is None:
            return
        body = {"path": repository.path, "branch": repository.current_branch}
        if repository.wanted_remote:
            body["remote"] = repository.wanted_remote

        def push(client: LocalClient) -> str:
            document: dict[str, Any] = {}
            for line in client.stream("POST", "pushes", body):
                document = line.get("document") or document
            raise_failure(document)
            return f"{repository.name} was up to date" if document.get("up_to_date") else f"{repository.name} is pushed"

        self.ask(push)

    def action_retry(self) -> None:
        """Try again what waits for the repository, or the row of the queue."""
        entries = self.dashboard.queue_entries()
        if not entries:
            self.notify("nothing waits to be tried again")
            return
        self.ask(lambda client: _each(client, entries, "retry", "tried again"))

    def action_cancel(self) -> None:
        """Take it out of the queue, after a question."""
        entries = self.dashboard.queue_entries()
        if not entries:
            self.notify("nothing waits that could be cancelled")
            return
        names = ", ".join(entry.branch for entry in entries)

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask(lambda client: _each(client, entries, "cancel", "cancelled, until the next commit"))

        self.push_screen(Confirm(f"Stop pushing {names} until the next commit?", "Cancel it"), answered)

    def action_pause(self) -> None:
        """Pause the repository, or go on."""
        repository = self.dashboard.repository
        if repository is None:
            return
        verb = "resume" if repository.paused else "pause"
        said = "goes on" if repository.paused else "is paused: space goes on"

        def change(client: LocalClient) -> str:
            client.post(f"repositories/{repository.id}/{verb}")
            return f"{repository.name} {said}"

        self.ask(change)

    def on_key(self, event: Key) -> None:
        """Escape closes the filter."""
        if event.key == "escape" and self.screen is self.dashboard and self.dashboard.close_filter():
            event.stop()

    def ask(self, work: Callable[[LocalClient], str]) -> None:
        """Ask the daemon in a thread, and say what came of it."""

        def run() -> None:
            try:
                said, failure = work(self.client()), None
            except MuseError as exc:
                said, failure = "", exc
            self.call_from_thread(self._say, said, failure)

        self.run_worker(run, thread=True, exit_on_error=False)

    def _say(self, said: str, failure: MuseError | None) -> None:
        if failure:
            self.notify(f"{failure.message}\n{failure.hint or ''}".strip(), severity="error", markup=False)
        elif said:
            self.notify(said, markup=False)


def _each(client: LocalClient, entries: list[QueueView], verb: str, said: str) -> str:
    for entry in entries:
        client.post(f"queue/{entry.id}/{verb}")
    return f"{', '.join(entry.branch for entry in entries)}: {said}"


def raise_failure(document: dict[str, Any]) -> None:
    """Raise the error of a push's document, if it has one."""
    error = document.get("error")
    if error:
        raise error_from_code(error["code"], error["message"], error.get("hint") or "", error.get("details") or {})


def run() -> None:
    """Open it in this terminal."""
    MuseApp().run()
