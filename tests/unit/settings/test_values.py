"""Speeds and parts of the day as people write them."""

from __future__ import annotations

import pytest

from museui.core.errors import Usage
from museui.settings.values import Between, check_pattern, parse_between, parse_speed


@pytest.mark.parametrize(
    ("text", "bytes_per_s"),
    [("2 MiB/s", 2 << 20), ("1.5MB/s", 1_500_000), ("100 kB/s", 100_000), ("2048 B/s", 2048), ("1 GiB/s", 1 << 30)],
)
def test_a_speed_is_a_number_and_a_unit(text: str, bytes_per_s: float) -> None:
    assert parse_speed(text, "x") == bytes_per_s


@pytest.mark.parametrize(
    "text", ["", "2", "2 MiB", "fast", "0 MiB/s", "1 B/s", "-1 MiB/s", "1 KB/s", "9" * 20 + " B/s", 7]
)
def test_what_is_no_speed_is_refused_by_name(text: object) -> None:
    with pytest.raises(Usage, match=r"^the field"):
        parse_speed(text, "the field")


def test_a_part_of_the_day_may_go_over_midnight() -> None:
    night = parse_between("22:00-06:00", "x")
    assert [night.contains(60 * hour) for hour in (21, 22, 23, 0, 5, 6, 12)] == [
        False,
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [parse_between("09:30-17:00", "x").contains(minute) for minute in (569, 570, 1019, 1020)] == [
        False,
        True,
        True,
        False,
    ]
    assert str(night) == "22:00-06:00" and night == Between(1320, 360)


@pytest.mark.parametrize("text", ["", "22-6", "24:00-06:00", "22:00-22:00", "22:60-23:00", " 22:00-06:00", 22])
def test_what_is_no_part_of_the_day_is_refused_by_name(text: object) -> None:
    with pytest.raises(Usage, match=r"^the field"):
        parse_between(text, "the field")


@pytest.mark.parametrize(
    "pattern",
    [
        "main",
        "*",
        "take-*",
        "a/**/b",
        "[a-f]?",
        "[!a-z]*",
        "[!a-zA-Z0-9]x",
        "*.x",
        "[]x]",
        "é*",
        "[日本]",
        "x[]-_]",
        "a b",
        "*.lock",
        "[~^]",
    ],
)
def test_a_pattern_that_a_branch_can_be_called_like_is_taken(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["", "-x", ".*", "a..b", "*/", "a\n*", "a\\*", " x", 7, None])
def test_a_pattern_that_no_branch_can_be_called_like_is_refused(pattern: object) -> None:
    with pytest.raises(Usage, match="branch"):
        check_pattern(pattern)
