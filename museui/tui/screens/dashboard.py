"""The dashboard: every repository, the push of the one under the cursor, what waits, what was."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer, Input

from museui.local.messages import QueueView, RepositoryView

from ..feed import News
from ..view.headline import make_headline
from ..view.lists import HistoryRow, QueueRow, RepositoryRow, history_rows, queue_rows, repository_rows
from ..view.marks import Tone
from ..view.push import describe_repository
from ..view.troubles import copy_text
from ..widgets.headline import HeadlineBar
from ..widgets.push import PushView
from ..widgets.table import Cell, Column, Row, Table

PANELS = ("repositories", "push", "queue", "history", "log")
_LISTS = ("queue", "history", "log")


class Dashboard(Screen[None]):
    """Shows :class:`News`; knows nothing of its own but which panel and row are looked at."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-broad")]  # noqa: RUF012
    CSS_PATH = "dashboard.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.news = News()
        self.filter_text = ""

    def compose(self) -> ComposeResult:
        """The parts."""
        yield HeadlineBar(id="headline")
        with Horizontal(id="body"):
            with Vertical(id="left", classes="panel"):
                yield Table(
                    (Column("", 1), Column(""), Column("", 8), Column("", 9, right=True)),
                    empty="no repositories yet: a adds one",
                    id="repositories",
                )
            with Vertical(id="right"):
                with Vertical(id="push-panel", classes="panel"):
                    yield PushView(id="push")
                with Vertical(id="lists", classes="panel"):
                    yield Table(
                        (
                            Column("repository", 16),
                            Column("branch", 12),
                            Column("commits", 7, right=True),
                            Column("state"),
                            Column("next try", 16),
                        ),
                        empty="nothing waits",
                        id="queue",
                    )
                    yield Table(
                        (
                            Column("", 1),
                            Column("when", 7, right=True),
                            Column("repository", 16),
                            Column("branch", 12),
                            Column("commits", 7, right=True),
                            Column("size", 10, right=True),
                            Column("took", 8, right=True),
                            Column(""),
                        ),
                        empty="nothing was pushed yet",
                        id="history",
                    )
                    yield Table((Column("when", 8), Column("")), empty="nothing to tell", id="log")
        yield Input(placeholder="filter", id="filter", compact=True)
        yield Footer(show_command_palette=True)

    def on_mount(self) -> None:
        """Begin with the repositories."""
        self.query_one("#left").border_title = "Repositories"
        self.go("repositories")
        self.list_panel("queue")
        self.query_one("#filter").display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """The lists follow what is typed."""
        self.filter_text = event.value
        self.app.tick()  # type: ignore[attr-defined]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes back to the list, filtered."""
        self.go("repositories")

    def open_filter(self) -> None:
        """Type what to look for."""
        box = self.query_one("#filter", Input)
        box.display = True
        box.focus()

    def close_filter(self) -> bool:
        """Show everything again; whether anything was hidden."""
        box = self.query_one("#filter", Input)
        was = bool(box.display)
        box.value, box.display = "", False
        if was:
            self.go("repositories")
        return was

    def table(self, name: str) -> Table:
        """One of the lists."""
        return self.query_one(f"#{name}", Table)

    def go(self, panel: str) -> None:
        """Look at a panel: it has the keys, and on a narrow screen the room."""
        for name in PANELS:
            self.set_class(name == panel, f"at-{name}")
        if panel in _LISTS:
            self.list_panel(panel)
        if panel != "push":
            self.table(panel).focus()

    def list_panel(self, name: str) -> None:
        """Which of the three lists is shown."""
        for other in _LISTS:
            self.table(other).display = other == name
        titles = [f"[b]{other.title()}[/b]" if other == name else f"[dim]{other.title()}[/dim]" for other in _LISTS]
        self.query_one("#lists").border_title = " ─ ".join(titles)

    def show(self, news: News, now: float) -> None:
        """Show what is known."""
        self.news = news
        state = news.state
        self.query_one(HeadlineBar).show(make_headline(state, now, news.connected), now)
        self.table("repositories").show([_repository(row) for row in repository_rows(state, now, self.filter_text)])
        self.table("queue").show([_queued(row) for row in queue_rows(state, now, self.filter_text)])
        self.table("history").show(
            [_past(row) for row in history_rows(state.history.values(), state, now, self.filter_text)]
        )
        self.table("log").show(_log(news, now))
        self.show_selected(now)

    @property
    def repository(self) -> RepositoryView | None:
        """The repository under the cursor."""
        return self.news.state.repositories.get(self.table("repositories").key or "")

    def queue_entries(self) -> list[QueueView]:
        """What waits: the row of the queue when one looks at it, else what waits for the repository."""
        queue = self.news.state.queue
        if self.table("queue").has_focus:
            found = queue.get(self.table("queue").key or "")
            return [found] if found else []
        repository = self.repository
        return [entry for entry in queue.values() if repository and entry.repository == repository.id]

    def text_to_copy(self) -> str:
        """The row that has the focus, or all of the push panel."""
        focused = self.focused
        if isinstance(focused, Table) and focused.id != "repositories" and focused.rows:
            return "  ".join(cell.text for cell in focused.rows[focused.cursor].cells if cell.text)
        panel = self.query_one(PushView).shown
        if panel is None:
            return ""
        return "\n".join(filter(None, (panel.title, panel.summary, copy_text(panel.trouble) if panel.trouble else "")))

    def show_selected(self, now: float) -> None:
        """The push panel follows the cursor."""
        repository = self.repository
        panel = describe_repository(self.news.state, repository, now) if repository else None
        self.query_one("#push-panel").border_title = panel.title.replace("[", "\\[") if panel else "Push"
        self.query_one(PushView).show(panel)


def _repository(row: RepositoryRow) -> Row:
    tone = row.mark.tone
    return Row(
        row.id, (Cell(row.mark.symbol, tone), Cell(row.name, "text"), Cell(row.branch), Cell(row.mark.word, tone))
    )


def _queued(row: QueueRow) -> Row:
    texts = (Cell(row.repository, "text"), Cell(row.branch), Cell(row.commits), Cell(row.state, row.tone))
    return Row(row.id, (*texts, Cell(row.next_try)))


def _past(row: HistoryRow) -> Row:
    cells = (
        Cell(row.mark.symbol, row.mark.tone),
        Cell(row.when),
        Cell(row.repository, "text"),
        Cell(row.branch),
        Cell(row.commits),
        Cell(row.size),
        Cell(row.took, "text"),
        Cell(row.note, row.mark.tone if row.mark.tone == "bad" else "wait"),
    )
    return Row(row.id, cells)


def _log(news: News, now: float) -> list[Row]:
    import time

    lines = sorted(news.state.log.values(), key=lambda line: line.id, reverse=True)
    tones: dict[str, Tone] = {"error": "bad", "warning": "wait"}
    return [
        Row(
            str(line.id),
            (
                Cell(time.strftime("%H:%M:%S", time.localtime(line.at))),
                Cell(line.message, tones.get(line.level, "text")),
            ),
        )
        for line in lines
    ]
