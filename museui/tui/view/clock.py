"""How time is shown, and when what is shown of it changes: between two changes nothing needs to run."""

from __future__ import annotations

import time

from museui.core.figures import render_span
from museui.local.state import State

MOVING_S = 0.25
"""How often a phase that runs is drawn when the daemon has nothing new to say of it."""


def render_age(seconds: float) -> str:
    """An age in minutes and more, since seconds that count are only in the way: ``now``, ``5 min``, ``3 h``."""
    return "now" if seconds < 60 else render_span(seconds)


def render_ago(seconds: float) -> str:
    """The same in a sentence: ``just now``, ``5 min ago``."""
    age = render_age(seconds)
    return "just now" if age == "now" else f"{age} ago"


def render_moment(at: float) -> str:
    """A moment by the clock of this place: ``2026-11-22 14:02:07``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def next_change_s(state: State, now: float) -> float:
    """Seconds until something that is shown changes by itself: a push, a countdown, the minute."""
    if state.pushes:
        return MOVING_S
    if any(entry.next_try_at is not None and 0 <= entry.next_try_at - now < 61 for entry in state.queue.values()):
        return 1.0 - now % 1.0
    return 60.0 - now % 60.0
