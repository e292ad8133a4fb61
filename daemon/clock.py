"""The time of day, and by how much somebody moved it.

What waits for a while waits on clocks that never jump. Some things are times of day: when a pause ends, since when a
repository has not been safe. Whoever asks for the time finds out whether the machine's clock was set since it was last
asked for: then it is by another amount ahead of the clock that has run since the machine started, also while it slept.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LEAST_S = 5.0
"""Less is a clock that is kept right bit by bit."""


def read_steady_s() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(_STEADY)


class Clock:
    """Seconds since 1970 by :meth:`now`; ``moved`` hears, before that answers, by how many seconds it was set."""

    def __init__(
        self, moved: Callable[[float], None], wall: Callable[[], float], steady_s: Callable[[], float] = read_steady_s
    ) -> None:
        self._moved = moved
        self._wall = wall
        self._steady_s = steady_s
        self._ahead_s = wall() - steady_s()
        self._set_s = steady_s()

    def now(self) -> float:
        """The time of day."""
        now = self._wall()
        ahead_s = now - self._steady_s()
        by_s, self._ahead_s = ahead_s - self._ahead_s, ahead_s
        if abs(by_s) >= _LEAST_S:
            self._set_s = self._steady_s()
            self._moved(by_s)
        return now

    def undisturbed_s(self) -> float:
        """For how long nobody has set it, as far as is known."""
        return self._steady_s() - self._set_s
