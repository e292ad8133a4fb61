"""What can be done now: the keys where nothing is set up, and while the daemon is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from museui.core.errors import Busy
from tests.helpers.scripted_daemon import NOW, ScriptedDaemon
from tests.helpers.tui import open_screen
from tests.helpers.views import GONE, entry, hub, phase, push, repository


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        yield scripted


async def test_where_nothing_is_set_up_only_what_a_newcomer_can_do_has_a_key(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("Welcome to MuseUI")
        footer = screen.text.splitlines()[-1]
        assert footer.split() == ["a", "add", "?", "help", "^p", "palette", "q", "quit"]
        await screen.press("slash", "c", "r", "space", "5", "l")
        assert screen.text.splitlines()[-1] == footer
        await screen.press("question_mark")
        await screen.sees("Find repositories and watch them", "Sign in to a hub", "See everything at work")
        assert "Push the repository now" not in screen.text
        await screen.press("escape")
        daemon.show("repositories", repository("song"))
        await screen.sees("p push", "● song", "✓ all safe")


@pytest.mark.parametrize(("keys", "seen"), [("", "Repositories"), ("H", "History"), ("b", "Hubs"), ("L", "Log of")])
async def test_the_key_that_starts_a_daemon_does_so_on_every_screen(
    daemon: ScriptedDaemon, keys: str, seen: str
) -> None:
    starts = []

    def start() -> None:
        starts.append(1)
        if len(starts) == 1:
            raise Busy("not yet")
        daemon.start()

    daemon.answers["GET pushes"] = {"pushes": []}
    daemon.answers["GET usual"] = {"usual": {}}
    daemon.show("repositories", repository("song"))
    async with open_screen(daemon, (80, 24), start=start) as screen:
        await screen.sees("✓ all safe")
        await screen.press("r", *keys)  # while it runs, there is nothing to start
        await screen.sees(seen)
        daemon.stop()
        await screen.sees("not known: the daemon is gone, r starts it", "r start ")
        assert not starts
        await screen.press("r")
        await screen.until(lambda: starts)
        await screen.sees("not known")
        await screen.press("r")
        await screen.sees("✓ all safe")
        assert "r start " not in screen.text and len(starts) == 2


async def test_while_the_daemon_is_gone_nothing_moves_and_nothing_is_about_to(daemon: ScriptedDaemon) -> None:
    daemon.show("hubs", hub(), key="base")
    daemon.show("repositories", repository("song", "pushing"), repository("album", "waiting"))
    running = push(7, result="running", phases=(phase("transfer", "running", done=61, total=100),))
    daemon.show("pushes", running)
    daemon.show("queue", entry("album", error=GONE, next_try_at=NOW + 8), entry("song", "pushing", push=7))
    async with open_screen(daemon) as screen:
        await screen.sees("in 8 s", "transfer 61 %", "1 pushing")
        daemon.stop()
        await screen.sees("not known: the daemon is gone")
        await screen.until(lambda: "in 8 s" not in screen.text and "61 %" not in screen.text)
        assert not screen.app.news.state.pushes
        assert screen.dashboard.table("queue").styles.text_opacity < 1


async def test_the_keys_of_a_list_move_through_the_help_and_a_page(daemon: ScriptedDaemon) -> None:
    daemon.show("repositories", repository("song", "stopped", trouble=GONE))
    daemon.show("history", push(1))
    async with open_screen(daemon, (80, 12)) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("question_mark")
        await screen.sees("Push the repository now")
        await screen.press("G")
        await screen.sees("from panel to panel, as tab does")
        await screen.press("g")
        await screen.sees("Push the repository now")
        await screen.press("escape", "enter")
        await screen.sees(GONE.hint)
        await screen.press("G")
        await screen.sees("/music/song")
        await screen.press("k", "k", "k", "k")
        await screen.until(lambda: "/music/song" not in screen.text, "the line above")
