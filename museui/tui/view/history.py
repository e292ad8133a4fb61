"""The history screen: rows that a filter searches, and the usual figures of one repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from museui.core.figures import render_seconds, shorten
from museui.core.phases import PHASES
from museui.local.messages import PushView
from museui.local.state import State

from .clock import render_moment
from .lists import HistoryRow, history_row, name_of, sparkline

_LABEL = 15


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """A push, its row, and the text that a filter searches."""

    push: PushView
    row: HistoryRow
    text: str


def make_item(push: PushView, state: State) -> HistoryItem:
    """Return the item of a push. Its row has the push's time of day and not its age, so it never changes."""
    name = name_of(state, push.repository, push.path)
    row = history_row(push, name, render_moment(push.ended_at or push.started_at)[5:16])
    words = (name, push.path, push.branch, row.status.word, push.result, row.note, push.head)
    return HistoryItem(push, row, " ".join(words).casefold())


def filter_items(items: Iterable[HistoryItem], filter_text: str) -> list[HistoryItem]:
    """Return the items that contain every word of the filter."""
    words = filter_text.casefold().split()
    return [item for item in items if all(word in item.text for word in words)]


def render_totals(items: Sequence[HistoryItem], width: int) -> str:
    """Return how long pushes took as a line of bars, the newest at the right. ``items`` has the newest first."""
    seconds = [item.push.total_seconds for item in items if item.push.result == "done"][:width]
    return sparkline(seconds[::-1], width)


def render_usual(name: str, figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a table with the median and 95th percentile of the total and of each phase of one repository's pushes.

    ``figures`` are those of ``GET usual``. The three lines (titles, medians, percentiles) are 76 cells wide; there are
    no lines when there are no figures.
    """
    if not figures:
        return []
    columns = [(phase, max(len(phase), 7) + 2) for phase in ("total", *PHASES)]
    lines = [shorten(f"usual of {name}", _LABEL).ljust(_LABEL), "median".ljust(_LABEL), "95 % below".ljust(_LABEL)]
    for phase, width in columns:
        known = figures.get(phase)
        cells = (phase.replace("_", " "), *(render_seconds(known[key]) if known else "–" for key in ("p50_s", "p95_s")))
        lines = [f"{line}{cell:>{width}}" for line, cell in zip(lines, cells, strict=True)]
    return lines
