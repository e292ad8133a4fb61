"""The log screen: it follows new lines until a person moves to an older one; with a filter."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static

from museui.core.figures import one_line
from museui.local.messages import LogLine

from ..actions import bindings
from ..view.lists import names_by_path, replace_path_by_name
from ..view.log import TONES, add_lines, find_lines, render_log_line
from ..widgets.table import Cell, Column, Row, Table
from . import rows
from .filtered import Filtered
from .panels import PanelScreen

_LINES = (rows.LOG[0], Column("level", 7, from_width=60), rows.LOG[1])


class Log(Filtered, PanelScreen):
    """Shows the daemon's log, the oldest line first, and the whole text of the line under the cursor."""

    WHERE = "log"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("log")]
    DEFAULT_CSS = """
    Log #log-panel { height: 1fr; }
    Log #whole { height: auto; max-height: 5; width: 1fr; color: $quiet; }
    Log #filter { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[float, int], LogLine] = {}
        self._shown: list[LogLine] = []
        self.follows = True

    def compose_body(self) -> ComposeResult:
        """Yield the table, the line under the cursor and the filter."""
        with Vertical(id="log-panel", classes="panel") as panel:
            panel.border_title = "Log of the daemon"
            yield Table(_LINES, empty="no line matches", id="lines")
            yield Static(id="whole", markup=False)
        yield self.make_filter()

    def on_mount(self) -> None:
        """Focus the table."""
        self.query_one(Table).focus()

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Append new lines."""
        if "log" in changed:
            self._known = add_lines(self._known, self.muse.news.state.log.values())
            self.show_rows()

    def show_rows(self) -> None:
        """Show the lines that match the filter."""
        table = self.query_one(Table)
        self._shown = find_lines(self._known.values(), self.wanted)
        names = names_by_path(self.muse.news.state)
        table.show([_row(line, names) for line in self._shown])
        if self.follows and table.rows:
            table.select(table.rows[-1].key)
        self._show_whole()

    def _show_whole(self) -> None:
        line = self.line
        self.query_one("#whole", Static).update(one_line(line.message) if line else "")
        following = "following" if self.follows else "f follows"
        self.query_one(
            "#log-panel"
        ).border_subtitle = f"{len(self._shown):,} line{'s' * (len(self._shown) != 1)}   {following}"

    @property
    def line(self) -> LogLine | None:
        """The line under the cursor; None without lines."""
        cursor = self.query_one(Table).cursor
        return self._shown[cursor] if cursor < len(self._shown) else None

    def on_table_moved(self, event: Table.Moved) -> None:
        """Stop following when a person moves to another line than the last; follow again at the last."""
        if event.table.led:
            event.table.led = False
            self.follows = not event.table.rows or event.key == event.table.rows[-1].key
        self._show_whole()

    def action_follow(self) -> None:
        """Follow new lines, or stop following."""
        self.follows = not self.follows
        self.show_rows()

    def action_copy(self) -> None:
        """Copy the line."""
        if self.line:
            self.muse.copy(render_log_line(self.line))

    def action_copy_all(self) -> None:
        """Copy every line that is shown."""
        self.muse.copy("\n".join(map(render_log_line, self._shown)))


def _row(line: LogLine, names: Mapping[str, str]) -> Row:
    tone, message = TONES.get(line.level, "text"), replace_path_by_name(line.message, names)
    return Row(f"{line.at} {line.id}", (rows.log_time(line.at), Cell(line.level, tone), Cell(message, tone)))
