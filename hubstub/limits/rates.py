"""How many requests one token, or one address without one, may make: a token bucket for each, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from museui.core.errors import RateLimited

MAX_KEYS = 10_000
"""How many are remembered; who has asked for nothing the longest is forgotten first."""


class RateLimiter:
    """``per_minute`` requests in the long run (0: any number), ``burst`` of them at once."""

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_minute / 60
        self._burst = float(max(burst, 1))
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one request of ``key``. Raises :class:`RateLimited` with the time until there is room for one."""
        if not self._per_s:
            return
        now = self._clock()
        left, since = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_s)
        enough = left >= 1
        self._left[key] = (left - 1 if enough else left, now)
        if len(self._left) > MAX_KEYS:
            self._left.popitem(last=False)
        if not enough:
            raise RateLimited(
                "too many requests",
                hint="Ask for less, or later; whoever runs the hub sets how many there may be.",
                details={"retry_after_s": (1 - left) / self._per_s},
            )

    def __len__(self) -> int:
        return len(self._left)
