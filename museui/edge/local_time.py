"""Times in the time zone of this machine, as people read them."""

from __future__ import annotations

import time


def render_when(at: float) -> str:
    """Return the date and the minute of ``at``, seconds since the epoch: ``2026-11-22 14:03``."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
