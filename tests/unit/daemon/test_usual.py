"""What is usual for a repository, and what is slower."""

from __future__ import annotations

import pytest

from daemon.history.usual_durations import Figures, find_slower, percentile, summarise
from daemon.pushing.transfer_speed import TransferSpeed


def push(transfer_s: float = 0.1, wire_bytes: int = 10_000) -> Figures:
    return Figures(wire_bytes, {"negotiate": 0.02, "pack": 0.03, "transfer": transfer_s, "total": transfer_s + 0.05})


USUAL = [push(0.1 + number / 1000) for number in range(20)]


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.1, 1), (1.0, 10), (0.0, 1)])
def test_percentiles_are_values_that_were_there(share: float, value: float) -> None:
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == value


def test_medians_and_percentiles_of_what_was_done() -> None:
    found = summarise(USUAL)
    assert found["transfer"] == {"count": 20, "p50_s": 0.109, "p95_s": 0.118}
    assert found["total"]["count"] == 20
    assert summarise([]) == {}


def test_the_phase_that_took_much_longer_is_named() -> None:
    assert find_slower(push(2.0), USUAL) == "transfer"


@pytest.mark.parametrize(
    ("now", "earlier"),
    [
        (push(0.12), USUAL),  # as ever
        (push(0.3), USUAL),  # longer, but nobody would notice
        (push(2.0), USUAL[:5]),  # too few to know what is usual
        (push(2.0, wire_bytes=10_000_000), USUAL),  # a larger push takes longer
    ],
)
def test_nothing_is_called_slow_that_is_not(now: Figures, earlier: list[Figures]) -> None:
    assert find_slower(now, earlier) is None


def test_a_steady_line_has_its_speed_and_the_time_left() -> None:
    pace = TransferSpeed()
    for second in range(6):
        pace.note(second * 1000, 10_000, float(second))
    assert pace.bytes_per_s == pytest.approx(1000)
    assert pace.left_s == pytest.approx(5)


def test_a_hiccup_does_not_end_all_hope() -> None:
    pace = TransferSpeed()
    for tenth in range(50):
        pace.note(tenth * 100, 10_000, tenth / 10)
    pace.note(4900, 10_000, 5.0)
    assert pace.bytes_per_s is not None and 900 < pace.bytes_per_s < 1000


def test_nothing_is_known_at_first_and_after_a_new_beginning() -> None:
    pace = TransferSpeed()
    pace.note(5, 10, 1.0)
    assert (pace.bytes_per_s, pace.left_s) == (None, None)
    pace.note(8, 10, 2.0)
    pace.note(1, 10, 3.0)
    assert pace.bytes_per_s is None


def test_a_line_that_stands_still_promises_nothing() -> None:
    pace = TransferSpeed()
    pace.note(0, 10, 0.0)
    pace.note(0, 10, 1.0)
    assert pace.left_s is None
