"""A table that draws only its visible rows, so that ten thousand rows cost what thirty do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, overload

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from museui.core.figures import one_line

from ..colors import COLORS
from ..view.status import Tone


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``width`` cells; None: the cells that the others leave. ``right`` aligns its texts to the right.

    The column is shown when the table has at least ``from_width`` cells.
    """

    title: str
    width: int | None = None
    right: bool = False
    from_width: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of one cell and its tone."""

    text: str
    tone: Tone = "quiet"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``key`` identifies the item that it shows."""

    key: str
    cells: tuple[Cell, ...]


class LazyRows(Sequence[Row]):
    """Rows that ``make`` creates from ``items`` when they are drawn. ``key`` returns the key of an item's row."""

    def __init__(self, items: Sequence[Any], make: Callable[[Any], Row], key: Callable[[Any], str]) -> None:
        self._items, self._make, self._key = items, make, key

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return LazyRows(self._items[place], self._make, self._key)
        return self._make(self._items[place])

    @property
    def keys(self) -> list[str]:
        """The keys of all rows; no row is created for them."""
        return [self._key(item) for item in self._items]


class Table(ScrollView, can_focus=True):
    """A table whose cursor stays on the same key when the rows change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--cursor"}
    DEFAULT_CSS = """
    Table { background: transparent; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Table > .table--cursor { background: $cursor-blurred; }
    Table:focus > .table--cursor { background: $cursor; text-style: bold; }
    Table:ansi > .table--cursor { text-style: underline; }
    Table:ansi:focus > .table--cursor { text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Moved(Message):
        """The cursor has moved to another row."""

        def __init__(self, table: Table, key: str | None) -> None:
            super().__init__()
            self.table, self.key = table, key

    class Chosen(Message):
        """A row was chosen by enter or a double click."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table, self.key = table, key

    def __init__(self, columns: Sequence[Column], *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.empty = empty
        self.rows: Sequence[Row] = ()
        self.cursor = 0
        self.led = False
        """True once a person has moved the cursor."""

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor; None without rows."""
        return self.rows[self.cursor].key if self.rows else None

    def show(self, rows: Sequence[Row]) -> None:
        """Replace the rows. Only lines that differ are drawn again."""
        key, before = self.key, self._seen()
        self.rows = rows
        self.cursor = min(self.cursor, max(0, len(rows) - 1))
        if key is not None and self.key != key:
            self.cursor = self._find(key, self.cursor)
        self.virtual_size = Size(0, len(rows) + self._title_height)
        if any(here for _, here in before):
            self._reveal()  # the cursor was visible and stays so
        for line, (was, now) in enumerate(zip(before, self._seen(), strict=True), self._title_height):
            if was != now:
                self.refresh(Region(0, line, self.size.width, 1))
        if self.key != key:
            self.post_message(self.Moved(self, self.key))

    def select(self, key: str) -> None:
        """Move the cursor to the row ``key``, if there is one."""
        self._go(self._find(key, self.cursor))

    def _reveal(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1 + self._title_height), animate=False, force=True)

    def _find(self, key: str, otherwise: int) -> int:
        rows = self.rows
        keys = rows.keys if isinstance(rows, LazyRows) else [row.key for row in rows]
        return keys.index(key) if key in keys else otherwise

    def _seen(self) -> list[tuple[Row | None, bool]]:
        """Return each visible line below the titles: its row, and whether the cursor is on it."""
        top = round(self.scroll_offset.y)
        places = range(top, top + max(0, self.size.height - self._title_height))
        return [
            (self.rows[at] if at < len(self.rows) else None, at == self.cursor and bool(self.rows)) for at in places
        ]

    @property
    def _title_height(self) -> int:
        return int(any(column.title for column in self.columns))

    def render_line(self, y: int) -> Strip:
        """Return one visible line."""
        width = self.scrollable_content_region.width
        if y < self._title_height:
            texts = [Cell(column.title) for column in self.columns]
            return self._strip(texts, width, self.rich_style)
        place = y - self._title_height + round(self.scroll_offset.y)
        if not self.rows and place == 0 and self.empty:
            style = self.rich_style + self._tone("quiet")
            return Strip([Segment(self.empty[:width], style)]).adjust_cell_length(width, style)
        if place >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        on_cursor = place == self.cursor
        base = self.get_component_rich_style("table--cursor") if on_cursor else self.rich_style
        return self._strip(self.rows[place].cells, width, base)

    def _strip(self, cells: Sequence[Cell], width: int, base: Style) -> Strip:
        segments: list[Segment] = []
        shown = [(column, cell) for column, cell in zip(self.columns, cells, strict=True) if column.from_width <= width]
        rest = width - sum((column.width or 0) + 1 for column, _ in shown) + 1
        for column, cell in shown:
            size = max(0, rest if column.width is None else column.width)
            segments += self._cell(column, cell, size, base)
        return Strip(segments).adjust_cell_length(width, base)

    def _cell(self, column: Column, cell: Cell, size: int, base: Style) -> list[Segment]:
        from rich.cells import cell_len, set_cell_size

        text = one_line(cell.text)
        if cell_len(text) > size:
            text = set_cell_size(text, max(0, size - 1)) + "…" if size else ""
        padding = " " * (size - cell_len(text))
        text = padding + text if column.right else text + padding
        return [Segment(text, base + self._tone(cell.tone)), Segment(" ", base)]

    def _tone(self, tone: Tone) -> Style:
        return _style(self.app.theme_variables[COLORS[tone].removeprefix("$")])

    def action_move(self, by: int) -> None:
        """Move the cursor by a number of rows."""
        self.led = True
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a number of pages."""
        self.action_move(by * max(1, self.size.height - 1 - self._title_height))

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self.key is not None:
            self.post_message(self.Chosen(self, self.key))

    def on_click(self, event: Click) -> None:
        """Move the cursor to the clicked row; a double click on the cursor's row chooses it."""
        place = event.y - self._title_height + round(self.scroll_offset.y)
        if 0 <= place < len(self.rows):
            if place == self.cursor and event.chain > 1:
                self.action_choose()
            self.led = True
            self._go(place)

    def _go(self, place: int) -> None:
        place = max(0, min(place, len(self.rows) - 1))
        if place == self.cursor or not self.rows:
            return
        before, self.cursor = self.cursor, place
        self._reveal()
        for line in (before, place):
            self.refresh_line(line + self._title_height)
        self.post_message(self.Moved(self, self.key))


@cache
def _style(color: str) -> Style:
    """Return the style of a colour, cached: a component class per tone would match all CSS rules in every table."""
    return Style(color=Color.parse(color).rich_color)
