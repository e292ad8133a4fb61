"""The time of day, and what is told when somebody set it."""

from __future__ import annotations

from daemon.clock import Clock


def test_a_clock_that_was_set_is_told_once_and_by_how_much() -> None:
    wall, steady, told = [1000.0], [50.0], list[float]()
    clock = Clock(told.append, lambda: wall[0], lambda: steady[0])
    wall[0], steady[0] = 1600.0, 650.0
    assert (clock.now(), told) == (1600.0, [])
    wall[0] -= 3600.0
    assert (clock.now(), told) == (-2000.0, [-3600.0])
    assert (clock.now(), told) == (-2000.0, [-3600.0])


def test_a_clock_that_is_kept_right_bit_by_bit_is_not_told() -> None:
    wall, told = [0.0], list[float]()
    clock = Clock(told.append, lambda: wall[0], lambda: 0.0)
    for _ in range(100):
        wall[0] += 1.0
        clock.now()
    assert told == []


def test_whoever_hears_of_it_may_ask_for_the_time() -> None:
    wall, heard = [0.0], list[float]()
    clock = Clock(lambda by_s: heard.append(clock.now()), lambda: wall[0], lambda: 0.0)
    wall[0] = 100.0
    assert clock.now() == 100.0
    assert heard == [100.0]


def test_a_clock_is_undisturbed_since_it_was_last_set() -> None:
    wall, steady = [1000.0], [50.0]
    clock = Clock(lambda by_s: None, lambda: wall[0], lambda: steady[0])
    steady[0], wall[0] = 100.0, 1050.0
    clock.now()
    assert clock.undisturbed_s() == 50.0
    wall[0] += 1e9
    clock.now()
    assert clock.undisturbed_s() == 0.0
