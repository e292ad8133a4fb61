"""The dashboard: every repository, the push of the one under the cursor, the queue, the history and the log."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.widgets import Input

from museui.local.messages import PushView as PushData
from museui.local.messages import QueueView, RepositoryView

from .. import requests
from ..actions import Action, bindings
from ..feed import EVERYTHING
from ..view.empty_state import EmptyState, find_empty_state
from ..view.error_text import copy_text
from ..view.lists import branch_of, history_rows, log_rows, most_urgent, queue_rows, repository_rows
from ..view.push import describe_repository, last_push, trouble_of_repository
from ..widgets.banner import Banner
from ..widgets.empty_state import EmptyStateView
from ..widgets.push import PushView
from ..widgets.table import Table
from . import rows
from .base import NewsScreen

PANELS = ("repositories", "push", "queue", "history", "log")
_LISTED = {
    "queue": (rows.QUEUE, "nothing waits"),
    "history": (rows.HISTORY, "nothing was pushed yet"),
    "log": (rows.LOG, "nothing to tell"),
}
_LISTS = tuple(_LISTED)
_HISTORY = {"history", "repositories"}
_REPOSITORIES = {"repositories", "queue"}


class Dashboard(NewsScreen[None]):
    """Shows the daemon's state. Its own state is only the panel and row in focus."""

    WHERE = "dashboard"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-broad")]  # noqa: RUF012
    CSS_PATH = "dashboard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dashboard"),
        Binding("left,h", "panel('repositories')", show=False),
        Binding("right,l", "lists", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self._at = "repositories"
        self._list = "queue"
        self._minute = -1
        self._empty_state: EmptyState | None = None
        self._titles: dict[str, tuple[str, str]] = {}

    def compose_body(self) -> ComposeResult:
        """Yield banner, empty state, panels and filter."""
        yield Banner(id="banner")
        yield EmptyStateView(id="empty-state")
        with Horizontal(id="body"):
            with Vertical(id="left", classes="panel"):
                yield Table(rows.REPOSITORIES, empty="no repository matches", id="repositories")
            with Vertical(id="right"):
                with Vertical(id="push-panel", classes="panel"):
                    yield PushView(id="push")
                with Vertical(id="lists"):
                    for name, (columns, empty) in _LISTED.items():
                        with Vertical(id=f"{name}-panel", classes="panel list"):
                            yield Table(columns, empty=empty, id=name)
        yield Input(placeholder="filter", id="filter", compact=True)

    def on_mount(self) -> None:
        """Focus the repositories."""
        self.query_one("#filter").display = False
        self.action_panel("repositories")
        self.show_news(EVERYTHING)

    def on_resize(self) -> None:
        """Arrange the panels for the new width."""
        self.call_after_refresh(self._arrange)

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show what changed; when nothing did, update what depends on the time."""
        news, now = self.muse.news, self.muse.now()
        state, minute = news.state, int(now // 60)
        if minute != self._minute:
            self._minute, changed = minute, EVERYTHING
        self._empty_state = find_empty_state(state, starting=news.starting, problem=news.problem)
        self.query_one("#empty-state", EmptyStateView).show(self._empty_state)
        self.query_one("#body").display = self._empty_state is None
        self.query_one(Banner).show(self.muse.banner)
        if changed & _REPOSITORIES:
            found = repository_rows(state, now, self.filter_text)
            self.table("repositories").show([rows.repository(row) for row in found])
            table = self.table("repositories")
            if not table.led:
                table.select(most_urgent(found, table.key) or "")
        if not changed or changed & {"queue", "pushes", "repositories"}:
            self.table("queue").show(
                [rows.queued(row) for row in queue_rows(state, now, self.filter_text, tries=not news.gone)]
            )
        if changed & _HISTORY:
            past = history_rows(state.history.values(), state, now, self.filter_text)
            self.table("history").show([rows.past(row) for row in past])
        if "log" in changed:
            self.table("log").show([rows.logged(row) for row in log_rows(state, self.filter_text)])
        self._show_selected()

    def _show_selected(self) -> None:
        repository = self.repository
        panel = describe_repository(self.muse.news.state, repository, self.muse.now()) if repository else None
        self.query_one(PushView).show(panel)
        self._entitle()

    def _entitle(self) -> None:
        panel = self.query_one(PushView).shown
        title = rows.plain(panel.title if panel else "Push")
        if self.has_class("-narrow"):
            tabs = "  ".join(
                rows.tab(f"{place} {name}", name, name == self._at) for place, name in enumerate(PANELS, 1)
            )
            titles = {"left": (tabs, ""), "push-panel": (tabs, title)}
        else:
            tabs = "  ".join(rows.tab(name, name, name == self._list) for name in _LISTS)
            titles = {"left": ("Repositories", ""), "push-panel": (title, "")}
        broad = self.has_class("-broad")
        titles |= {f"{name}-panel": (name.title() if broad else tabs, "") for name in _LISTS}
        for name, new in titles.items():
            if new != self._titles.get(name):  # a title that is set is drawn, and its whole panel with it
                frame = self.query_one(f"#{name}")
                frame.border_title, frame.border_subtitle = new
        self._titles = titles

    def _arrange(self) -> None:
        """Show one panel on a narrow screen, all on a broad one, and one of the lists on a screen between."""
        narrow, at_list = self.has_class("-narrow"), self._at in _LISTS
        shown = {
            "left": not narrow or self._at == "repositories",
            "right": not narrow or self._at != "repositories",
            "push-panel": not narrow or self._at == "push",
            "lists": not narrow or at_list,
        }
        shown |= {f"{name}-panel": name == self._list or self.has_class("-broad") for name in _LISTS}
        for name, is_shown in shown.items():
            self.query_one(f"#{name}").display = is_shown
        self._entitle()

    def offered(self) -> list[Action]:
        """Return the actions available now: in an empty state only its choices."""
        every, empty_state = super().offered(), self._empty_state
        if empty_state is None or not (empty_state.choices or self.muse.news.gone):
            return every
        return [action for action in every if action.where != self.WHERE or empty_state.offers(action.id)]

    def table(self, name: str) -> Table:
        """Return a list by its name."""
        return self.query_one(f"#{name}", Table)

    @property
    def repository(self) -> RepositoryView | None:
        """The repository under the cursor; None without repositories."""
        return self.muse.news.state.repositories.get(self.table("repositories").key or "")

    def queue_entries(self) -> list[QueueView]:
        """Return the queue entry under the cursor when the queue has the focus, else the repository's entries."""
        queue = self.muse.news.state.queue
        if self.table("queue").has_focus:
            found = queue.get(self.table("queue").key or "")
            return [found] if found else []
        repository = self.repository
        return [entry for entry in queue.values() if repository and entry.repository == repository.id]

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show the push of the repository under the cursor."""
        if event.table.id == "repositories":
            self._show_selected()

    def action_panel(self, name: str) -> None:
        """Focus a panel; on a narrow screen, show it in place of the present one."""
        self._at = name
        if name in _LISTS:
            self._list = name
        self._arrange()
        self.query_one(f"#{name}").focus()

    def action_lists(self) -> None:
        """Focus the list at the right; from there, the next one."""
        if self._empty_state:
            return
        here = _LISTS.index(self._list)
        self.action_panel(_LISTS[(here + (self._at in _LISTS)) % len(_LISTS)])

    def action_filter(self) -> None:
        """Show and focus the filter."""
        box = self.query_one("#filter", Input)
        box.display = True
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter the lists as the person types."""
        self.filter_text = event.value
        self.show_news(EVERYTHING)

    def on_input_submitted(self) -> None:
        """Return to the filtered list."""
        self.action_panel(self._at)

    def on_key(self, event: Key) -> None:
        """Close the filter on escape."""
        box = self.query_one("#filter", Input)
        if event.key == "escape" and box.display:
            event.stop()
            box.value, box.display = "", False
            self.action_panel(self._at)

    def on_table_chosen(self) -> None:
        """Open the details of the row."""
        self.action_details()

    def action_details(self) -> None:
        """Open the page of the row's repository if it is in trouble, else that of its running or last push."""
        state, focused = self.muse.news.state, self.focused
        if isinstance(focused, Table) and focused.id == "history":
            if past := state.history.get(focused.key or ""):
                self._open_push(past)
            return
        repository_id = next((entry.repository for entry in self.queue_entries()), "")
        repository = state.repositories.get(repository_id) or self.repository
        if repository is None:
            return
        running = [push for push in state.pushes.values() if push.repository == repository.id]
        push = running[0] if running else last_push(state, repository.id)
        if not running and trouble_of_repository(state, repository):
            self._open_repository(repository)
        elif push:
            self._open_push(push)
        else:
            self.muse.ask(
                requests.fetch_last_push(repository.id),
                lambda last: self._open_push(last) if last else self._open_repository(repository),
            )

    def _open_push(self, push: PushData) -> None:
        from .push import PushScreen

        self.app.push_screen(PushScreen(push))

    def _open_repository(self, repository: RepositoryView) -> None:
        from .repository import RepositoryScreen

        self.app.push_screen(RepositoryScreen(repository))

    def action_history(self) -> None:
        """Open the history."""
        from .history import HistoryScreen

        self.app.push_screen(HistoryScreen())

    def action_copy(self) -> None:
        """Copy the row in focus, or the repository's details."""
        focused, panel = self.focused, self.query_one(PushView).shown
        if isinstance(focused, Table) and focused.id != "repositories" and focused.rows:
            self.muse.copy("  ".join(cell.text for cell in focused.rows[focused.cursor].cells if cell.text))
        elif panel:
            trouble = copy_text(panel.trouble) if panel.trouble else panel.summary
            self.muse.copy(f"{panel.title}\n{trouble}")

    def action_push_now(self) -> None:
        """Push the present branch of the repository under the cursor."""
        repository = self.repository
        if repository is None:
            return
        if repository.current_branch or repository.branches:
            self.muse.ask_and_say(requests.push(repository, branch_of(repository)))
        else:
            self.notify(f"{repository.name} has no branch to push", markup=False)

    def action_retry(self) -> None:
        """Retry the queue entry in focus, or those of the repository."""
        if self.table("queue").has_focus and (entries := self.queue_entries()):
            self.muse.ask_and_say(requests.retry(entries))
        else:
            self.muse.retry(self.repository)

    def action_cancel(self) -> None:
        """Take entries out of the queue, after a question."""
        from .confirm import Confirm

        entries = self.queue_entries()
        if not entries:
            self.notify("nothing to cancel")
            return
        names = ", ".join(entry.branch for entry in entries)

        def answered(yes: bool | None) -> None:
            if yes:
                self.muse.ask_and_say(requests.cancel(entries))

        self.app.push_screen(Confirm(f"Stop pushing {names} until the next commit?", "Cancel it"), answered)

    def action_pause(self) -> None:
        """Pause or resume the repository."""
        if repository := self.repository:
            self.muse.ask_and_say(requests.resume(repository) if repository.paused else requests.pause(repository))

    def action_add(self) -> None:
        """Open the screen to add repositories."""
        self.muse.open_screen("add")

    def action_sign_in(self) -> None:
        """Sign in to the hub of the repository under the cursor, or to the first hub."""
        self.muse.sign_in(self.repository)

    def action_demo(self) -> None:
        """Run the demo."""
        self.muse.show_demo()

    def action_remove(self) -> None:
        """Stop watching the repository, after a question."""
        if self.repository:
            self.muse.ask_to_remove(self.repository)
