"""The dashboard on a daemon that says what the test wants: what is seen, and what each key asks for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from museui.core.errors import Busy
from museui.local.messages import LogLine
from tests.helpers.scripted_daemon import NOW, ScriptedDaemon
from tests.helpers.tui import open_screen
from tests.helpers.views import FORBIDDEN, GONE, branch, entry, hub, phase, push, repository

SONG, SKETCHES = repository("song"), repository("sketches", "stopped")
STOPPED = entry("sketches", "stopped", error=FORBIDDEN)


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        scripted.show("hubs", hub(), key="base")
        scripted.show("repositories", SONG, SKETCHES, repository("album"))
        scripted.show("queue", STOPPED)
        scripted.show("history", push(1), push(2, "album", "failed", error=GONE, tries=2))
        scripted.show("log", LogLine(1, NOW, "info", "the daemon has started"))
        yield scripted


async def test_one_glance_says_what_needs_a_person_and_the_cursor_is_there(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you", "✓ all else safe", "daemon ● 3 d", "ada@hub.local ● 12 ms")
        await screen.sees(FORBIDDEN.message, FORBIDDEN.hint, "forbidden", "req-17")
        assert screen.dashboard.repository == SKETCHES


async def test_what_changes_is_shown_at_once(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        daemon.show("repositories", repository("sketches"))
        daemon.drop("queue", STOPPED.id)
        await screen.sees("✓ all 3 safe", "nothing waits")


async def test_a_push_that_runs_is_alive(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        phases = (phase("transfer", "running", done=1 << 20, total=4 << 20, unit="bytes"),)
        daemon.show("pushes", push(7, "sketches", "running", phases=phases, bytes_per_s=1 << 20, left_s=3.0))
        daemon.show("repositories", repository("sketches", "pushing"))
        await screen.sees("transfer 25 %", "1.0 MiB / 4.0 MiB", "1.0 MiB/s", "3.0 s left", "◐ 1 pushing")


async def test_a_daemon_that_goes_is_said_and_one_that_comes_back_is_listened_to(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        daemon.stop()
        await screen.sees("not known: the daemon is gone", "daemon ○ gone")
        assert "sketches" in screen.text
        daemon.start()
        await screen.sees("✗ 1 needs you", "daemon ● 3 d")


async def test_a_hub_that_is_gone_is_said(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        daemon.show("hubs", hub(reachable=False), key="base")
        await screen.sees("ada@hub.local ○ gone")


async def test_without_a_daemon_one_is_started_once_and_again_when_asked(daemon: ScriptedDaemon) -> None:
    daemon.stop()
    starts = []

    def start() -> None:
        starts.append(1)
        if len(starts) == 1:
            raise Busy("it is busy", hint="Wait.")
        daemon.start()

    async with open_screen(daemon, start=start) as screen:
        await screen.sees("The daemon does not run", "it is busy", "Wait.", "r starts it")
        assert len(starts) == 1
        await screen.press("r")
        await screen.sees("✗ 1 needs you")
        assert len(starts) == 2


async def test_nothing_watched_yet_says_what_to_do_first() -> None:
    with ScriptedDaemon() as daemon:
        async with open_screen(daemon, (80, 24)) as screen:
            await screen.sees("Welcome to MuseUI", "museui login", "museui watch add", "museui demo")
            daemon.show("repositories", SONG)
            await screen.sees("✓ all safe", "song")
            daemon.drop("repositories", SONG.id)
            await screen.sees("Welcome to MuseUI")


@pytest.mark.parametrize(("choice", "seen"), [("Sign in", "The hub's address"), ("Add a", "Search below")])
async def test_what_one_can_do_first_is_done_by_a_click_too(choice: str, seen: str) -> None:
    with ScriptedDaemon() as daemon:
        async with open_screen(daemon, (80, 24)) as screen:
            await screen.sees("Welcome to MuseUI")
            row = next(row for row, line in enumerate(screen.text.splitlines()) if choice in line)
            await screen.pilot.click(offset=(10, row))
            await screen.sees(seen)


async def test_the_demo_wants_a_terminal(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("m")
        await screen.sees("run it in a terminal: museui demo")


async def test_a_notice_is_on_the_dashboard_and_changes(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon, banner="a [b]hub[/b]") as screen:
        await screen.sees("Demo  a [b]hub[/b]", "all of it is temporary")
        screen.app.show_banner("and a push")
        await screen.sees("Demo  and a push")
        await screen.press("m")
        await screen.sees("this is the demo")


async def test_retry_asks_for_what_waits_for_the_repository(daemon: ScriptedDaemon) -> None:
    daemon.answers[f"POST queue/{STOPPED.id}/retry"] = {"retried": 1}
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("r")
        await screen.sees("main: tried again")
        await screen.press("up", "r")
        await screen.sees("nothing to retry")
    assert daemon.asked == [(f"POST queue/{STOPPED.id}/retry", {})]


async def test_cancel_asks_first(daemon: ScriptedDaemon) -> None:
    daemon.answers[f"POST queue/{STOPPED.id}/cancel"] = {}
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        for no in ("n", "escape", "enter"):
            await screen.press("c")
            await screen.sees("Stop pushing main until the next commit?")
            await screen.press(no)
            await screen.until(lambda: screen.app.screen is screen.dashboard)
        assert daemon.asked == []
        await screen.press("c", "y")
        await screen.sees("cancelled, until the next commit")
    assert daemon.asked == [(f"POST queue/{STOPPED.id}/cancel", {})]


async def test_pause_and_resume(daemon: ScriptedDaemon) -> None:
    daemon.answers[f"POST repositories/{SKETCHES.id}/pause"] = {}
    daemon.answers[f"POST repositories/{SKETCHES.id}/resume"] = {}
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("space")
        await screen.sees("sketches is paused")
        daemon.show("repositories", repository("sketches", "paused"))
        await screen.sees("║ 1 paused")
        await screen.press("space")
        await screen.sees("sketches is no longer paused")


async def test_push_now_says_what_it_came_to(daemon: ScriptedDaemon) -> None:
    error = {"code": "forbidden", "message": "no, not there", "hint": "ask", "retryable": False, "details": {}}
    daemon.answers["POST pushes"] = [{"event": "result", "document": {"ok": False, "error": error}}]
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("p")
        await screen.sees("no, not there")
        daemon.answers["POST pushes"] = [{"event": "result", "document": {"ok": True, "up_to_date": True}}]
        await screen.press("p")
        await screen.sees("sketches was up to date")
    assert daemon.asked == [("POST pushes", {"path": "/music/sketches", "branch": "main"})] * 2


async def test_an_answer_that_is_an_error_is_shown(daemon: ScriptedDaemon) -> None:
    daemon.answers[f"POST repositories/{SKETCHES.id}/pause"] = Busy("not now", hint="Later.")
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("space")
        await screen.sees("not now", "Later.")


async def test_filter_shows_what_matches_and_escape_everything(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("slash", *"sket", "enter")
        await screen.until(lambda: screen.keys_of("repositories") == [SKETCHES.id])
        assert screen.dashboard.table("repositories").has_focus
        await screen.press("escape")
        await screen.until(lambda: len(screen.keys_of("repositories")) == 3)
        await screen.press("slash", *"nothing like it")
        await screen.sees("no repository matches")


async def test_copy_takes_the_error_or_the_row(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("y")
        assert screen.app.clipboard.splitlines()[1:3] == [FORBIDDEN.message, f"do: {FORBIDDEN.hint}"]
        await screen.press("4", "y")
        assert screen.app.clipboard.startswith("✗  5 min  album")


async def test_keys_go_from_panel_to_panel(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        for key, panel in (("4", "history"), ("5", "log"), ("3", "queue"), ("2", "push"), ("1", "repositories")):
            await screen.press(key)
            assert screen.app.focused and screen.app.focused.id == panel
        for key, panel in (("right", "queue"), ("l", "history"), ("l", "log"), ("l", "queue"), ("h", "repositories")):
            await screen.press(key)
            assert screen.app.focused and screen.app.focused.id == panel
        await screen.press("k", "k")
        assert screen.dashboard.repository == repository("album")
        await screen.press("G")
        assert screen.dashboard.repository == SONG


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_has_every_key_and_goes_away(daemon: ScriptedDaemon, key: str) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press(key)
        await screen.sees("Push the repository now", "Leave; the daemon keeps running", "Retry what waits")
        await screen.press("escape")
        await screen.until(lambda: screen.app.screen is screen.dashboard)


async def test_the_palette_runs_an_action(daemon: ScriptedDaemon) -> None:
    daemon.answers[f"POST repositories/{SKETCHES.id}/pause"] = {}
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press("ctrl+p", *"pause")
        await screen.sees("Pause or resume the repository")
        await screen.press("enter")
        await screen.sees("sketches is paused")


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quit_leaves(daemon: ScriptedDaemon, key: str) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.press(key)
        await screen.until(lambda: not screen.app.is_running)
    assert screen.app.return_code == 0


async def test_the_mouse_chooses_a_row_and_presses_the_keys_of_the_bottom_line(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✗ 1 needs you")
        await screen.pilot.click("#repositories", offset=(5, 2))
        assert screen.dashboard.repository == SONG
        place = screen.text.splitlines()[-1].index("help")
        await screen.pilot.click(offset=(place, 35))
        await screen.sees("Push the repository now")


async def test_eighty_by_twenty_four_has_one_panel_at_a_time_and_cuts_nothing(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("1 Repositories  2 Push  3 Queue  4 History  5 Log", FORBIDDEN.message[:20])
        footer = screen.text.splitlines()[-1]
        assert footer.rstrip().endswith("q quit") and "…" not in footer
        await screen.press("2")
        await screen.sees("sketches   main → origin   hub.local/ada/sketches", FORBIDDEN.hint)
        await screen.press("4")
        await screen.sees("1.0 MiB", "5 min")
        assert "Queue" in screen.text and "next try" not in screen.text


async def test_names_that_are_too_long_or_that_steer_a_terminal_do_no_harm(daemon: ScriptedDaemon) -> None:
    long, evil = "a" * 300, "x\x1b[31m[red]\u202ey"
    daemon.show("repositories", repository(long), repository(evil), repository("日本語の曲" * 9))
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("aaaaa…", "\\x1b[31m", "日本語")
        await screen.press("G", "up", "2")
        await screen.sees("\\x1b[31m[red]\\x202ey   main")
        assert "\x1b" not in screen.text and "\u202e" not in screen.text


async def test_five_hundred_repositories_draw_no_more_than_is_seen(daemon: ScriptedDaemon) -> None:
    daemon.show("repositories", *(repository(f"r{number:03}") for number in range(500)))
    async with open_screen(daemon) as screen:
        await screen.until(lambda: len(screen.keys_of("repositories")) == 503)
        await screen.press("end")
        await screen.sees("song", "r499")
        assert "r400" not in screen.text
        await screen.press("pageup", "home")
        await screen.sees("album", "r000")


async def test_branches_that_have_diverged_are_said_in_words(daemon: ScriptedDaemon) -> None:
    daemon.show("repositories", repository("song", "waiting", branches=(branch("diverged", ahead=1, behind=2),)))
    async with open_screen(daemon) as screen:
        await screen.sees("⇅", "diverged")
