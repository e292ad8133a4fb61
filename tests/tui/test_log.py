"""The daemon's log as a screen: it follows, stays, filters and copies; hostile lines are text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from museui.local.messages import LogLine
from museui.tui.screens.log import Log
from museui.tui.view.log import KEPT_LINES, add_lines, find_lines, render_log_line
from tests.helpers.scripted_daemon import NOW, ScriptedDaemon
from tests.helpers.tui import Screen, open_screen

EVIL = "[red]x[/] \x1b[31m \u202eend\nnext"


def line(number: int, message: str = "", level: str = "info") -> LogLine:
    return LogLine(number, NOW + number, level, message or f"line {number}")


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        scripted.show("log", *(line(number) for number in range(1, 60)), line(60, EVIL, "warning"))
        yield scripted


def log_of(screen: Screen) -> Log:
    assert isinstance(screen.app.screen, Log)
    return screen.app.screen


async def open_log(screen: Screen) -> None:
    await screen.sees("Welcome to MuseUI")
    await screen.press("L")
    await screen.sees("Log of the daemon", "60 lines   following")


async def test_it_follows_until_one_looks_at_a_line_and_again_at_the_end(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon, (80, 24)) as screen:
        await open_log(screen)
        daemon.show("log", line(61))
        await screen.sees("line 61", "61 lines   following")
        assert "line 9 " not in screen.text
        await screen.press("g")
        await screen.sees("line 9 ", "f follows")
        daemon.show("log", line(62))
        await screen.sees("62 lines   f follows", "line 9 ")
        await screen.press("f")
        await screen.sees("line 62", "following")
        await screen.press("k", "G")
        await screen.sees("following")
        await screen.press("f")
        await screen.sees("f follows")


async def test_a_filter_finds_lines_by_their_words_and_escape_gives_it_up(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon, (80, 24)) as screen:
        await open_log(screen)
        await screen.press("slash", *"warning", "enter")
        await screen.sees("1 line ")
        await screen.press("Y")
        assert screen.app.clipboard.endswith("warning  [red]x[/] \\x1b[31m \\x202eend\\x0anext")
        await screen.press("slash", *" nothing")
        await screen.sees("no line matches")
        await screen.press("escape")
        await screen.sees("60 lines")
        await screen.press("escape")
        await screen.until(lambda: screen.app.screen is screen.dashboard)


async def test_hostile_lines_are_shown_as_text_and_copied_as_one_line(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon, (80, 24)) as screen:
        await open_log(screen)
        await screen.sees("[red]x[/] \\x1b[31m \\x202eend\\x0anext")
        assert "\x1b" not in screen.text and "\u202e" not in screen.text
        await screen.press("y")
        assert screen.app.clipboard == render_log_line(line(60, EVIL, "warning"))
        assert "\n" not in screen.app.clipboard
        await screen.press("question_mark")
        await screen.sees("Copy every line that is shown", "Follow new lines")


def test_the_newest_lines_are_kept_also_of_a_daemon_that_was_started_anew() -> None:
    before = add_lines({}, [line(number) for number in range(KEPT_LINES)])
    again = LogLine(0, NOW + KEPT_LINES, "info", "the daemon has started")
    after = list(add_lines(before, [again]).values())
    assert len(after) == KEPT_LINES and after[-1] == again and after[0] == line(1)
    assert find_lines(after, "DAEMON info") == [again]
