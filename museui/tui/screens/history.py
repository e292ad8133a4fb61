"""The history screen: a table of all pushes, the usual figures of the repository under the cursor, a filter."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from museui.core.figures import one_line, render_count
from museui.local.messages import PushView

from .. import requests
from ..actions import bindings
from ..colors import COLORS
from ..view.history import HistoryItem, filter_items, make_item, render_totals, render_usual
from ..widgets.table import LazyRows, Table
from . import rows
from .base import NewsScreen
from .filtered import Filtered
from .push import PushScreen


class HistoryScreen(Filtered, NewsScreen[None]):
    """Reads the history page by page while it is open."""

    WHERE = "history"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("history")]
    DEFAULT_CSS = """
    HistoryScreen Vertical { border: round $primary; border-title-color: $primary; padding: 0 1; }
    HistoryScreen #figures { height: auto; min-height: 1; max-height: 5; margin-bottom: 1; text-wrap: nowrap; }
    HistoryScreen #filter { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[int, HistoryItem] = {}
        self._shown: list[HistoryItem] = []
        self._usual: dict[str, requests.Usual] = {}
        self._whole = False
        self._figure_lines = 0

    def compose_body(self) -> ComposeResult:
        """Yield figures, table and filter."""
        with Vertical():
            yield Static(id="figures", markup=False)
            yield Table(rows.ALL_HISTORY, empty="no push matches", id="all-history")
        yield self.make_filter()

    def on_mount(self) -> None:
        """Request the usual figures and the newest page."""
        self.query_one(Vertical).border_title = "History"
        self.query_one(Table).focus()
        self.muse.ask(requests.fetch_all_usual, self._take_usual)
        self._fetch_before(None)

    def _fetch_before(self, number: int | None) -> None:
        self.muse.ask(requests.fetch_pushes(number), self._take_page)

    def _take_page(self, page: list[PushView]) -> None:
        if not self.is_attached:
            return
        self._items |= {push.id: make_item(push, self.muse.news.state) for push in page}
        self._whole = not page
        if page:
            self._fetch_before(min(push.id for push in page))
        self.show_rows()

    def _take_usual(self, usual: dict[str, requests.Usual]) -> None:
        self._usual = usual
        if self.is_attached:
            self._show_figures()

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Add pushes that have just ended."""
        news = self.muse.news
        if "history" in changed:
            fresh = (make_item(push, news.state) for push in news.state.history.values())
            self._items |= {item.push.id: item for item in fresh}
            self.show_rows()

    def show_rows(self) -> None:
        """Show the pushes that match the filter."""
        newest_first = [self._items[number] for number in sorted(self._items, reverse=True)]
        self._shown = filter_items(newest_first, self.wanted)
        self.query_one(Table).show(LazyRows(self._shown, lambda item: rows.past(item.row), lambda item: item.row.id))
        self._show_figures()

    def _show_figures(self) -> None:
        past = self._past
        count = render_count(len(self._shown), "push", "pushes") + ("" if self._whole else " so far …")
        name = past.row.repository if past else ""
        width = max(40, self.app.size.width - 4)
        usual = render_usual(one_line(name), self._usual.get(past.push.repository, {})) if past else []
        totals = render_totals(self._shown, width - len(count) - 10)
        lines = [Content.assemble(f"{count}   took ", (totals, COLORS["busy"]))]
        lines += [Content.styled(line, COLORS["quiet"]) for line in usual]
        self.query_one("#figures", Static).update(Content("\n").join(lines), layout=len(lines) != self._figure_lines)
        self._figure_lines = len(lines)

    @property
    def _past(self) -> HistoryItem | None:
        table = self.query_one(Table)
        return self._shown[table.cursor] if self._shown and table.cursor < len(self._shown) else None

    def on_table_moved(self) -> None:
        """Show the usual figures of the repository under the cursor."""
        self._show_figures()

    def on_table_chosen(self) -> None:
        """Open the push."""
        self.action_details()

    def action_details(self) -> None:
        """Open the push under the cursor."""
        if self._past:
            self.app.push_screen(PushScreen(self._past.push))

    def action_copy(self) -> None:
        """Copy the row."""
        if self._past:
            self.muse.copy("  ".join(cell.text for cell in rows.past(self._past.row).cells if cell.text))
