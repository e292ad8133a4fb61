"""Which failures are tried again, how often, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Denied, MuseError, RateLimited, Unreachable, UploadExpired
from museui.hub.retry import RetryPolicy, with_retries


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True), st.floats(0, 100))
def test_a_wait_is_jittered_capped_and_at_least_what_was_asked(failures: int, dice: float, asked_s: float) -> None:
    policy = RetryPolicy(tries=9, base_s=0.5, cap_s=10)
    delay_s = policy.delay_s(failures, lambda: dice, asked_s)
    assert delay_s >= asked_s
    assert delay_s <= max(asked_s, min(10, 0.5 * 2.0 ** (failures - 1)))


class Attempts:
    def __init__(self, *failures: MuseError) -> None:
        self.failures = list(failures)
        self.slept_s: list[float] = []

    async def __call__(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)

    async def run(self) -> str:
        return await with_retries(self, RetryPolicy(tries=3), self.sleep, lambda: 0.5)


async def test_what_passes_by_itself_is_tried_again() -> None:
    attempts = Attempts(Unreachable("reset"), RateLimited("slow down", details={"retry_after_s": 7}))
    assert await attempts.run() == "done"
    assert attempts.slept_s == [0.25, 7]


@pytest.mark.parametrize("error", [Denied("no"), UploadExpired("ask again")])
async def test_what_does_not_is_not(error: MuseError) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        await attempts.run()
    assert attempts.slept_s == []


@pytest.mark.parametrize("asked_s", [61, float("inf"), float("nan"), -1, "soon", None])
async def test_nobody_is_kept_waiting_for_long(asked_s: object) -> None:
    attempts = Attempts(RateLimited("slow down", details={"retry_after_s": asked_s}))
    with pytest.raises(RateLimited):
        await attempts.run()
    assert attempts.slept_s == []


async def test_after_the_last_try_the_failure_comes_out() -> None:
    attempts = Attempts(*[Unreachable(str(n)) for n in range(5)])
    with pytest.raises(Unreachable, match="2"):
        await attempts.run()
    assert len(attempts.slept_s) == 2
