"""The columns of the lists, and the conversion of view rows to table rows."""

from __future__ import annotations

import time

from museui.core.figures import one_line

from ..view.lists import HistoryRow, LogRow, QueueRow, RepositoryRow
from ..widgets.table import Cell, Column, Row

REPOSITORIES = (
    Column("", 1),
    Column(""),
    Column("", 12, from_width=40),
    Column("", 10, right=True),
    Column("", 34, from_width=70),
)
QUEUE = (
    Column("repository", 16),
    Column("branch", 12, from_width=76),
    Column("commits", 7, right=True, from_width=66),
    Column("state"),
    Column("next try", 16),
)
HISTORY = (
    Column("", 1),
    Column("when", 6, right=True),
    Column("repository", 16),
    Column("branch", 12, from_width=90),
    Column("commits", 7, right=True, from_width=70),
    Column("size", 10, right=True),
    Column("took", 8, right=True),
    Column(""),
)
ALL_HISTORY = (HISTORY[0], Column("when", 11), *HISTORY[2:])
"""Columns of the history screen: with the moment in place of the age."""
LOG = (Column("when", 8), Column(""))


def repository(row: RepositoryRow) -> Row:
    """Return a row for :data:`REPOSITORIES`."""
    tone = row.status.tone
    named = (Cell(row.status.symbol, tone), Cell(row.name, "text"), Cell(row.branch), Cell(row.status.word, tone))
    return Row(row.id, (*named, Cell(f" {row.note}")))


def queued(row: QueueRow) -> Row:
    """Return a row for :data:`QUEUE`."""
    texts = (Cell(row.repository, "text"), Cell(row.branch), Cell(row.commits), Cell(row.state, row.tone))
    return Row(row.id, (*texts, Cell(row.next_try)))


def past(row: HistoryRow) -> Row:
    """Return a row for :data:`HISTORY`."""
    cells = (
        Cell(row.status.symbol, row.status.tone),
        Cell(row.when),
        Cell(row.repository, "text"),
        Cell(row.branch),
        Cell(row.commits),
        Cell(row.size),
        Cell(row.took, "text"),
        Cell(row.note, row.status.tone if row.status.tone == "bad" else "wait"),
    )
    return Row(row.id, cells)


def logged(row: LogRow) -> Row:
    """Return a row for :data:`LOG`."""
    return Row(row.id, (log_time(row.at), Cell(row.message, row.tone)))


def log_time(at: float) -> Cell:
    """Return the cell with a line's time of day."""
    return Cell(time.strftime("%H:%M:%S", time.localtime(at)))


def tab(title: str, name: str, here: bool) -> str:
    """Return a panel's title as markup for a row of titles; a click on it opens the panel ``name``."""
    style = "b" if here else "$quiet not bold"
    return f"[{style}][@click=screen.panel('{name}')]{title.title()}[/][/]"


def plain(text: str) -> str:
    """Return a text escaped as markup, on one line."""
    return one_line(text).replace("[", "\\[")
