"""When people are told, and what."""

from __future__ import annotations

import pytest

from daemon.repositories.rows import Remembered
from daemon.tell.news import Event, News, find_event
from daemon.tell.programs import desktop_command
from museui.core.errors import Usage
from museui.settings.notify import Notify, parse_notify

SINCE = 1000.0


@pytest.mark.parametrize(
    ("unsafe_since", "told_at", "now", "event"),
    [
        (None, None, 5000.0, None),
        (SINCE, None, SINCE + 59, None),
        (SINCE, None, SINCE + 60, "unsafe"),
        (SINCE, SINCE + 60, SINCE + 9999, None),
        (None, SINCE + 60, SINCE + 70, "safe"),
        (SINCE, None, SINCE - 9999, None),
    ],
)
def test_people_are_told_once_each_way(
    unsafe_since: float | None, told_at: float | None, now: float, event: Event | None
) -> None:
    known = Remembered("/song", unsafe_since=unsafe_since, told_at=told_at)
    assert find_event(known, 60.0, now) == event


def test_a_command_finds_every_fact_and_nothing_that_steers_a_terminal() -> None:
    news = News("unsafe", "/a\n/s\x1b[2J", "s\x1b[2J", SINCE + 7200, SINCE, "the hub is\x07gone", "Start it.")
    facts = news.variables()
    assert facts["MUSEUI_EVENT"] == "unsafe" and facts["MUSEUI_PATH"] == "/a\n/s\x1b[2J"
    assert "\x1b" not in facts["MUSEUI_TITLE"] + facts["MUSEUI_TEXT"] and "\x07" not in facts["MUSEUI_TEXT"]
    assert "for 2 h" in facts["MUSEUI_TEXT"]
    assert News("safe", "/a", "a", SINCE).variables()["MUSEUI_UNSAFE_SINCE"] == ""


def test_without_a_desktop_there_is_no_notification() -> None:
    assert desktop_command(News("safe", "/a", "a", SINCE), {"PATH": "/usr/bin:/bin"}) is None


def test_no_settings_are_the_defaults() -> None:
    assert parse_notify({}) == Notify()


@pytest.mark.parametrize(
    "table",
    [
        {"desktop": 1},
        {"command": "tell me"},
        {"command": ["", "a"]},
        {"command": [1]},
        {"command": ["a\0b"]},
        {"webhook": "http://example.org/"},
        {"webhook": 1},
        {"webhook_private": "yes"},
        {"unsafe_after_minutes": 0},
        {"unsafe_after_minutes": True},
        {"unsafe_after_minutes": 1.5},
    ],
)
def test_what_is_wrong_is_refused_by_name(table: dict[str, object]) -> None:
    with pytest.raises(Usage, match=next(iter(table))):
        parse_notify(table)
