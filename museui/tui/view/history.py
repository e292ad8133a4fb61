"""The whole history: rows that are found by a word, and what is usual for one repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from museui.core.figures import render_seconds
from museui.core.phases import PHASES
from museui.local.messages import PushView
from museui.local.state import State

from .lists import HistoryRow, history_row, name_of, sparkline
from .page import render_moment


@dataclass(frozen=True, slots=True)
class Past:
    """One push, its row, and the text that a filter looks in."""

    push: PushView
    row: HistoryRow
    text: str


def make_past(push: PushView, state: State) -> Past:
    """A push as it stays, whatever the time: its row has the moment, not the age."""
    name = name_of(state, push.repository, push.path)
    row = history_row(push, name, render_moment(push.ended_at or push.started_at)[5:16])
    words = (name, push.path, push.branch, row.mark.word, push.result, row.note, push.head)
    return Past(push, row, " ".join(words).casefold())


def find_past(items: Iterable[Past], filter_text: str) -> list[Past]:
    """Those that have every word of the filter."""
    words = filter_text.casefold().split()
    return [item for item in items if all(word in item.text for word in words)]


def render_totals(items: Sequence[Past], width: int) -> str:
    """How long pushes took, as bars: the newest at the right; ``items`` has the newest first."""
    seconds = [item.push.total_seconds for item in items if item.push.result == "done"][:width]
    return sparkline(seconds[::-1], width)


def render_usual(figures: Mapping[str, Mapping[str, Any]], width: int) -> str:
    """Median and 95th percentile of the total and of each phase, of ``GET usual`` for one repository, in lines."""
    parts = [
        f"{name.replace('_', ' ')} {render_seconds(figures[name]['p50_s'])} / {render_seconds(figures[name]['p95_s'])}"
        for name in ("total", *PHASES)
        if name in figures
    ]
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += f"   {part}"
        else:
            lines.append(part)
    return "\n".join(lines)
