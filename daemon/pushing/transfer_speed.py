"""How fast bytes go and how long the rest will take: an average that follows the line but not each of its hiccups."""

from __future__ import annotations

import math

_MEMORY_S = 3.0


class TransferSpeed:
    """Fed with how far a transfer is; ``None`` where nothing can be said yet."""

    def __init__(self) -> None:
        self.bytes_per_s: float | None = None
        self.left_s: float | None = None
        self._done = 0
        self._at_s: float | None = None

    def note(self, done: int, total: int | None, now_s: float) -> None:
        """``done`` of ``total`` bytes have gone at ``now_s``. A transfer that began again is a new one."""
        if self._at_s is None or done < self._done:
            self._done, self._at_s, self.bytes_per_s = done, now_s, None
            return
        passed_s = now_s - self._at_s
        if passed_s <= 0:
            return
        speed = (done - self._done) / passed_s
        share = 1.0 - math.exp(-passed_s / _MEMORY_S)
        self.bytes_per_s = speed if self.bytes_per_s is None else self.bytes_per_s + share * (speed - self.bytes_per_s)
        self.left_s = (total - done) / self.bytes_per_s if total is not None and self.bytes_per_s > 0 else None
        self._done, self._at_s = done, now_s
