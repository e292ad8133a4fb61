"""The log screen: the lines that a filter finds, and a line as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from museui.core.figures import one_line
from museui.local.messages import LogLine

from .clock import render_moment
from .lists import matches
from .status import Tone

KEPT_LINES = 2_000
"""Maximum number of lines kept while the log screen is open; the newest stay."""
TONES: Mapping[str, Tone] = {"error": "bad", "warning": "wait"}


def add_lines(known: Mapping[tuple[float, int], LogLine], lines: Iterable[LogLine]) -> dict[tuple[float, int], LogLine]:
    """Return ``known`` and ``lines``, oldest first, by time and number: each daemon numbers its lines from 1."""
    every = {**known, **{(line.at, line.id): line for line in lines}}
    return dict(sorted(every.items())[-KEPT_LINES:])


def find_lines(lines: Iterable[LogLine], filter_text: str) -> list[LogLine]:
    """Return the lines that contain every word of the filter in their level, time or text."""
    return [line for line in lines if matches(filter_text, line.level, line.message, render_moment(line.at))]


def render_log_line(line: LogLine) -> str:
    """Return a log line with its time and level: ``2026-11-22 14:02:07  warning  …``."""
    return f"{render_moment(line.at)}  {line.level}  {one_line(line.message)}"
