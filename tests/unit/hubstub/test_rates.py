"""How many requests one token or address may make."""

from __future__ import annotations

import pytest

from hubstub.limits.rates import MAX_KEYS, RateLimiter
from museui.core.errors import RateLimited


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_what_the_rate_allows() -> None:
    clock = Clock()
    rates = RateLimiter(60, 3, clock)
    for _ in range(3):
        rates.take("a")
    with pytest.raises(RateLimited) as refused:
        rates.take("a")
    assert refused.value.details == {"retry_after_s": 1.0}
    clock.now += 0.5
    with pytest.raises(RateLimited) as refused:
        rates.take("a")
    assert refused.value.details == {"retry_after_s": 0.5}
    clock.now += 0.5
    rates.take("a")
    clock.now += 1000
    for _ in range(3):
        rates.take("a")
    with pytest.raises(RateLimited):
        rates.take("a")


def test_one_does_not_pay_for_another() -> None:
    rates = RateLimiter(60, 1, Clock())
    rates.take("a")
    rates.take("b")
    with pytest.raises(RateLimited):
        rates.take("a")


def test_0_is_no_limit() -> None:
    rates = RateLimiter(0, 1, Clock())
    for _ in range(100):
        rates.take("a")
    assert len(rates) == 0


def test_memory_is_bounded_and_whoever_asks_is_remembered() -> None:
    rates = RateLimiter(60, 1, Clock())
    rates.take("busy")
    for number in range(2 * MAX_KEYS):
        rates.take(f"other {number}")
        if number % 1000 == 0:
            with pytest.raises(RateLimited):
                rates.take("busy")
    assert len(rates) == MAX_KEYS
