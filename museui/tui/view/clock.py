"""Texts for times and ages, and the time until such a text changes: between two changes nothing needs to run."""

from __future__ import annotations

import time

from museui.core.figures import render_span
from museui.local.state import State

MOVING_S = 0.25
"""Time in seconds after which a running phase is drawn again when the daemon sends nothing new."""


def render_age(seconds: float) -> str:
    """Return an age, no finer than minutes: ``now``, ``5 min``, ``3 h``. Counting seconds would only distract."""
    return "now" if seconds < 60 else render_span(seconds)


def render_ago(seconds: float) -> str:
    """Return an age for a sentence: ``just now``, ``5 min ago``."""
    age = render_age(seconds)
    return "just now" if age == "now" else f"{age} ago"


def render_moment(at: float) -> str:
    """Return a moment in local time: ``2026-11-22 14:02:07``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def next_change_s(state: State, now: float) -> float:
    """Return the seconds until time alone changes something that is shown: a push, a countdown, the minute."""
    if state.pushes:
        return MOVING_S
    if any(entry.next_try_at is not None and 0 <= entry.next_try_at - now < 61 for entry in state.queue.values()):
        return 1.0 - now % 1.0
    return 60.0 - now % 60.0
