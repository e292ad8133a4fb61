"""Trying again: how long to wait between tries, and which failures are worth one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from museui.core.errors import MuseError, UploadExpired

T = TypeVar("T")
LONGEST_WAIT_S = 60.0
"""A hub that wants to be asked later than this is not waited for: whoever asked is told, and decides."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter: the n-th wait is uniform in [0, min(cap, base · 2ⁿ)]."""

    tries: int = 4
    base_s: float = 0.5
    cap_s: float = 10.0

    def delay_s(self, failures: int, random: Callable[[], float], asked_s: float = 0.0) -> float:
        """Seconds to wait after ``failures`` failed tries; at least what the hub ``asked`` for.

        ``random`` gives numbers in [0, 1).
        """
        return max(asked_s, random() * min(self.cap_s, self.base_s * 2.0 ** (failures - 1)))


async def with_retries(
    attempt: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    sleep: Callable[[float], Awaitable[None]],
    random: Callable[[], float],
) -> T:
    """``await attempt()``, again while it fails in a way that passes by itself and tries are left.

    :class:`UploadExpired` is not repeated here: the URL must be asked for anew first.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except MuseError as exc:
            failures += 1
            asked_s = exc.details.get("retry_after_s", 0.0)
            soon = isinstance(asked_s, (int, float)) and 0 <= asked_s <= LONGEST_WAIT_S
            if not exc.retryable or isinstance(exc, UploadExpired) or failures >= policy.tries or not soon:
                raise
            await sleep(policy.delay_s(failures, random, float(asked_s)))
