"""One push, whole, and every push there was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from museui.core.errors import Denied
from museui.local.messages import CommitView, Trouble, encode
from museui.tui.screens.history import HistoryScreen
from museui.tui.screens.push import PushScreen
from museui.tui.widgets.table import Table
from tests.helpers.scripted_daemon import ScriptedDaemon
from tests.helpers.tui import open_screen
from tests.helpers.views import FORBIDDEN, entry, phase, push, repository

SONG = repository("song")
FIGURES = {name: {"count": 9, "p50_s": 0.25, "p95_s": 0.5} for name in ("negotiate", "index", "total")}


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        scripted.answers["GET usual"] = {"usual": {SONG.id: FIGURES}}
        scripted.show("repositories", SONG)
        yield scripted


async def test_enter_shows_the_last_push_whole_and_escape_goes_back(daemon: ScriptedDaemon) -> None:
    daemon.show("history", push(128, push_id="p-1", bundle_id="sha256:b"))
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all safe")
        await screen.press("enter")
        await screen.sees("Push 128 of song is on the hub", "usual 250 ms", "The hub's receipt", "p-1", "ab" * 32)
        await screen.press("y")
        assert screen.app.clipboard.startswith("song   main → origin\nPush 128")
        await screen.press("escape")
        await screen.until(lambda: screen.app.screen is screen.dashboard)


async def test_a_push_shows_the_commits_that_it_sent(daemon: ScriptedDaemon) -> None:
    commits = [CommitView("c" * 64, "Second [bold]take", "ada", ""), CommitView("d" * 64, "", "", "")]
    daemon.answers["GET pushes/128/commits"] = {"commits": [encode(commit) for commit in commits]}
    daemon.show("history", push(128, commits=5))
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all safe")
        await screen.press("enter")
        await screen.sees("Commits", "cccccccc  Second [bold]take", "dddddddd  (no message)", "and 3 more")


async def test_a_push_that_runs_goes_on_while_it_is_looked_at(daemon: ScriptedDaemon) -> None:
    daemon.show(
        "pushes", push(7, result="running", phases=(phase("pack", "running", done=1, total=9, unit="commits"),))
    )
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("✓ all safe")
        await screen.press("enter")
        await screen.sees("Push 7 of song: pack 11 %")
        daemon.show("history", push(7, result="failed", error=FORBIDDEN))
        daemon.drop("pushes", "7")
        await screen.sees("Push 7 of song failed", FORBIDDEN.message, FORBIDDEN.hint, "req-17")
        await screen.press("j", "k", "r")
        await screen.sees("nothing to retry")
        waiting = entry("song", "stopped", error=FORBIDDEN)
        daemon.answers[f"POST queue/{waiting.id}/retry"] = {"retried": 1}
        daemon.show("queue", waiting)
        await screen.until(lambda: screen.app.news.state.queue)
        await screen.press("r")
        await screen.sees("main: tried again")


async def test_enter_finds_a_last_push_that_the_state_no_longer_has(daemon: ScriptedDaemon) -> None:
    daemon.serve_history(push(3))
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all safe")
        await screen.press("enter")
        await screen.sees("Push 3 of song is on the hub")
    assert ("GET pushes", {"repository": SONG.id, "limit": "1"}) in daemon.asked


async def test_enter_says_how_a_repository_stands_of_which_nothing_was_pushed(daemon: ScriptedDaemon) -> None:
    daemon.serve_history()
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("✓ all safe")
        await screen.press("enter")
        await screen.sees("Everything is on the hub.", "main: safe", SONG.path, "https://hub.local/ada/song")
        await screen.press("j", "k", "r")
        await screen.sees("nothing to retry")
        await screen.press("escape")
        await screen.until(lambda: screen.app.screen is screen.dashboard)


async def test_enter_on_what_has_stopped_says_all_of_it_and_what_to_press(daemon: ScriptedDaemon) -> None:
    stopped = entry("song", "stopped", error=FORBIDDEN)
    daemon.show("history", push(3))
    daemon.show("queue", stopped)
    daemon.answers[f"POST queue/{stopped.id}/retry"] = {"retried": 1}
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.until(lambda: screen.app.news.state.queue)
        await screen.press("enter")
        await screen.sees(
            FORBIDDEN.message, FORBIDDEN.hint, "forbidden", "req-17", "main: stopped", "y copy", "r retry"
        )
        await screen.press("y")
        assert {"do: Ask its owner.", "code: forbidden", "request: req-17"} <= set(screen.app.clipboard.splitlines())
        await screen.press("i")
        await screen.sees("Sign in to a hub")
        await screen.press("escape", "r")
        await screen.sees("main: tried again")


async def test_enter_on_one_that_cannot_be_read_says_why_and_retry_looks_again(daemon: ScriptedDaemon) -> None:
    trouble = Trouble("forbidden", "its folder cannot be read", "Look at its owner and mode.")
    elsewhere = "https://hub.local/ada/other"
    daemon.show("repositories", repository("song", "unreadable", trouble=trouble, wanted_remote=elsewhere))
    daemon.answers["POST repositories"] = Denied("it still cannot be read")
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("r")
        await screen.sees("it still cannot be read")
        await screen.press("enter")
        await screen.sees("its folder cannot be read", "Look at its owner", "forbidden", SONG.path)
    assert ("POST repositories", {"path": SONG.path, "remote": elsewhere}) in daemon.asked


async def test_enter_on_a_row_of_the_history_shows_that_push(daemon: ScriptedDaemon) -> None:
    daemon.show("history", push(5), push(6))
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all safe")
        await screen.press("4", "down", "enter")
        await screen.sees("Push 5 of song is on the hub")


async def test_all_history_is_read_page_by_page(daemon: ScriptedDaemon) -> None:
    daemon.serve_history(*(push(number) for number in range(1, 1201)))
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all safe")
        await screen.press("H")
        await screen.sees("1,200 pushes ", "usual of song", "median            250 ms")
        assert isinstance(screen.app.screen, HistoryScreen)
        befores = [query.get("before") for asked, query in daemon.asked if asked == "GET pushes"]
        assert befores == [None, "701", "201", "1"]
        await screen.press("end")
        table = screen.app.screen.query_one(Table)
        assert (table.cursor, table.key) == (1199, "1")
        daemon.show("history", push(1201))
        await screen.sees("1,201 pushes ")
        assert table.key == "1"


async def test_the_history_is_filtered_and_a_row_opened(daemon: ScriptedDaemon) -> None:
    daemon.serve_history(push(1), push(2, result="failed", error=FORBIDDEN), push(3))
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("✓ all safe")
        await screen.press("H")
        await screen.sees("3 pushes ")
        await screen.press("slash", *"forbidden", "enter")
        await screen.sees("1 push ")
        await screen.press("y")
        assert FORBIDDEN.message in screen.app.clipboard
        await screen.press("enter")
        await screen.until(lambda: isinstance(screen.app.screen, PushScreen))
        await screen.sees("Push 2 of song failed")
        await screen.press("escape", "escape")
        await screen.sees("3 pushes ")
        await screen.press("slash", *"nothing like it")
        await screen.sees("no push matches")
        await screen.press("escape", "escape")
        await screen.until(lambda: screen.app.screen is screen.dashboard)
