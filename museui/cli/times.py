"""Times as a person reads them."""

from __future__ import annotations

import time


def render_when(at: float) -> str:
    """A time of day here: ``2026-11-22 14:03``."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def render_until(at: float, now: float) -> str:
    """How long it is until ``at``: ``8 s``, ``5 min``, ``3 h``; ``now`` when it is past."""
    seconds = at - now
    if seconds <= 0:
        return "now"
    if seconds < 120:
        return f"in {seconds:.0f} s"
    return f"in {seconds / 60:.0f} min" if seconds < 7200 else f"in {seconds / 3600:.0f} h"
