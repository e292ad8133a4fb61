"""Adding repositories, doctor, settings and hubs on a scripted daemon: what is seen, and what each key asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from museui.core.errors import Busy, Denied, Unauthorized, Unreachable
from museui.core.wire import Storage
from museui.local.messages import Check, FoundView, Trouble, encode
from museui.tui import requests
from museui.tui.screens.add_repository import AddRepository
from museui.tui.widgets.folders import FolderTree
from museui.tui.widgets.table import Table
from tests.helpers.scripted_daemon import NOW, ScriptedDaemon
from tests.helpers.tui import Screen, open_screen
from tests.helpers.views import branch, hub, push, repository

SONG = repository("song", branches=(branch(), branch("ahead", branch="take-2", ahead=3)))
EVIL = "x\x1b[31m[red]y"


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        scripted.show("hubs", hub(), hub("https://other.org", False, next_probe_at=NOW + 8), key="base")
        scripted.show("repositories", SONG)
        scripted.answers["PATCH tui"] = {"theme": ""}
        yield scripted


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("music", "[red]", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("music")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def found(*items: FoundView, **end: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"event": "found", "repository": encode(item)} for item in items]
    return [
        *lines,
        {"event": "looked", "folders": 7},
        {"event": "end", "folders": 9, "unreadable": 0, "complete": True} | end,
    ]


async def leave(screen: Screen) -> None:
    await screen.press("escape")
    await screen.until(lambda: screen.app.screen is screen.dashboard)


# -- adding repositories


async def test_what_lies_below_home_is_found_and_one_key_looks_after_it(daemon: ScriptedDaemon, home: Path) -> None:
    album = FoundView(f"{home}/album", "origin", "https://hub.local/ada/album")
    daemon.answers["GET found"] = found(FoundView(SONG.path, "origin", SONG.url), album)
    daemon.answers["POST repositories"] = {"repository": encode(repository("album")), "added": True}
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("a")
        await screen.sees("2 found in 9 folders, 1 watched", "● /music/song", "○ album", "hub.local/ada/album")
        assert daemon.asked == [("GET found", {"below": str(home)})]
        await screen.press("down", "space")
        await screen.sees("album is watched")
        assert daemon.asked[1:] == [("POST repositories", {"path": album.path})]
        daemon.show("repositories", dataclasses.replace(repository("album"), path=album.path))
        await screen.sees("● album", "2 watched")
        await leave(screen)


async def test_an_answer_that_is_an_error_is_said_where_it_happened(daemon: ScriptedDaemon, home: Path) -> None:
    trouble = Trouble("usage", "there is no remote 'origin'", "Add one: museui remote add origin URL")
    daemon.answers["GET found"] = found(FoundView("/a/bare", None, None, trouble), FoundView("/a/b", "origin", "x://y"))
    daemon.answers["POST repositories"] = Denied("no, not that one", hint="Ask its owner.", details={"mode": "0700"})
    async with open_screen(daemon) as screen:
        await screen.press("a")
        await screen.sees("✗ /a/bare", trouble.message, trouble.hint)
        await screen.press("down", "enter")
        await screen.sees("✗ /a/b", "no, not that one", "Ask its owner.", "forbidden", "0700")
        await screen.press("y")
        assert screen.app.clipboard.splitlines()[2:4] == ["no, not that one", "do: Ask its owner."]


async def test_one_without_a_remote_is_asked_for_its_place_on_a_hub(daemon: ScriptedDaemon, home: Path) -> None:
    trouble = Trouble("usage", "there is no remote 'origin'", "Add one: museui remote add origin URL")
    album = FoundView(f"{home}/album", None, None, trouble, "https://hub.local/ada/album")
    daemon.answers["GET found"] = found(album)
    daemon.answers["POST repositories"] = {"repository": encode(repository("album")), "added": True}
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.press("a")
        await screen.sees("○ album", "It has no remote yet", "space asks")
        await screen.press("space")
        await screen.sees("Where to push album", album.proposed_url or "")
        await screen.press("ctrl+u", "enter")
        await screen.sees("the address is empty")
        await screen.press(*"https://hub.local/ada/lp", "enter")
        await screen.sees("album is watched")
        body = {"path": album.path, "remote": "https://hub.local/ada/lp"}
        assert daemon.asked[1:] == [("POST repositories", body)]


async def test_where_nothing_is_found_it_says_what_to_do(daemon: ScriptedDaemon, home: Path) -> None:
    daemon.answers["GET found"] = found()
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.press("a")
        await screen.sees("0 found in 9 folders", "Tab goes to the folders", "museui init")


async def test_removing_asks_first(daemon: ScriptedDaemon, home: Path) -> None:
    daemon.answers["GET found"] = found(FoundView(SONG.path, "origin", SONG.url))
    daemon.answers[f"DELETE repositories/{SONG.id}"] = {"removed": SONG.path}
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("a")
        await screen.sees("1 watched")
        for key in ("space", "delete", "enter"):
            await screen.press(key)
            await screen.sees("Stop watching song?")
            await screen.press("n")
            await screen.sees("1 watched")
        assert [asked for asked, _ in daemon.asked] == ["GET found"]
        await screen.press("delete", "y")
        await screen.sees("song is no longer watched")
        daemon.drop("repositories", SONG.id)
        await screen.sees("○ /music/song")
        await screen.press("delete")
        await screen.sees("it is not watched")


async def test_the_dashboard_removes_too(daemon: ScriptedDaemon) -> None:
    daemon.answers[f"DELETE repositories/{SONG.id}"] = {"removed": SONG.path}
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("delete", "y")
        await screen.sees("song is no longer watched")


async def test_the_tree_has_folders_alone_and_enter_looks_below_one(daemon: ScriptedDaemon, home: Path) -> None:
    daemon.answers["GET found"] = found()
    async with open_screen(daemon) as screen:
        await screen.press("a")
        await screen.sees("0 found in 9 folders", "▸ music", "▸ [red]")
        assert "link" not in screen.text and ".hidden" not in screen.text
        await screen.press("tab")
        await screen.until(lambda: isinstance(screen.app.focused, FolderTree) or screen.app.screen.focus_next())
        await screen.press("j", "j", "enter")
        await screen.until(lambda: ("GET found", {"below": f"{home}/music"}) in daemon.asked)
        await screen.press("backspace")
        await screen.until(lambda: daemon.asked[-1] == ("GET found", {"below": str(home.parent)}))
        await screen.press("r")
        await screen.until(lambda: len(daemon.asked) == 4 and daemon.asked[-1] == daemon.asked[-2])


async def test_a_search_that_fails_says_why(daemon: ScriptedDaemon, home: Path) -> None:
    daemon.answers["GET found"] = Denied("that folder cannot be read", hint="Look at its mode.")
    async with open_screen(daemon) as screen:
        await screen.press("a")
        await screen.sees("that folder cannot be read", "Look at its mode.")


async def test_a_newer_search_takes_the_place_of_one_that_runs(
    daemon: ScriptedDaemon, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["GET found"] = found(FoundView("/a/old", "origin", "x://y"))
    reports: list[Callable[[dict[str, Any]], bool]] = []
    search = requests.search_repositories

    def recorded(below: str, report: Callable[[dict[str, Any]], bool]) -> requests.Request[None]:
        reports.append(report)
        return search(below, report)

    monkeypatch.setattr(requests, "search_repositories", recorded)
    async with open_screen(daemon) as screen:
        await screen.press("a")
        await screen.sees("○ /a/old")
        place = screen.app.screen
        assert isinstance(place, AddRepository)
        daemon.answers["GET found"] = found(FoundView("/a/new", "origin", "x://y"))
        await screen.press("r")
        await screen.sees("○ /a/new")
        assert not reports[0]({"event": "end", "folders": 1, "unreadable": 0, "complete": False})
        await screen.pilot.pause()
        assert place.search.folders == 9 and "/a/old" not in screen.text


async def test_names_that_steer_a_terminal_do_no_harm(daemon: ScriptedDaemon, home: Path) -> None:
    (home / EVIL).mkdir()
    trouble = Trouble("usage", f"no {EVIL}", EVIL)
    daemon.answers["GET found"] = found(FoundView(f"{home}/{EVIL}", None, None, trouble))
    daemon.answers["GET doctor"] = {"checks": [encode(Check(EVIL, False, EVIL, EVIL)), encode(Check(EVIL, True, EVIL))]}
    daemon.show("repositories", repository(EVIL))
    daemon.show("hubs", hub(f"https://{EVIL}"), key="base")
    async with open_screen(daemon) as screen:
        await screen.sees("all 2 safe")
        for key, seen in (("a", "1 found"), ("D", "1 of 2 checks"), ("s", "branches"), ("b", "Pushed there")):
            await screen.press(key)
            await screen.sees(seen, "\\x1b[31m[red]")
            assert "\x1b" not in screen.text


# -- doctor


async def test_the_doctor_says_what_is_wrong_first_and_looks_again(daemon: ScriptedDaemon) -> None:
    bad, good = (
        Check("watching", False, "no watches are left", "Raise the limit."),
        Check("disk", True, "9 GiB are free"),
    )
    daemon.answers["GET doctor"] = {"ok": False, "checks": [encode(good), encode(bad)]}
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.press("D")
        await screen.sees("1 of 2 checks failed", "✗ watching", "do  Raise the limit.", "✓ disk")
        await screen.press("y")
        assert screen.app.clipboard.splitlines()[1:3] == ["✗ watching: no watches are left", "  do: Raise the limit."]
        daemon.answers["GET doctor"] = {"ok": True, "checks": [encode(good)]}
        await screen.press("r")
        await screen.sees("All is well: 1 check passed")
        await leave(screen)


async def test_a_doctor_that_cannot_be_asked_says_why(daemon: ScriptedDaemon) -> None:
    daemon.answers["GET doctor"] = Unreachable("the daemon has no time", hint="Later.")
    async with open_screen(daemon) as screen:
        await screen.press("d")
        await screen.sees("✗ the daemon has no time", "Later.")
        await screen.press("y")
        await screen.sees("the checks have not ended yet")


# -- settings


async def test_branches_and_remote_are_typed_and_what_is_refused_stays_open(daemon: ScriptedDaemon) -> None:
    path = f"PATCH repositories/{SONG.id}"
    daemon.answers[path] = Busy("not now", hint="Later.")
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("s")
        await screen.sees("Settings of", "branches", "automatic: origin", "commit by itself")
        await screen.press("enter", "comma", "enter")
        await screen.sees("a pattern is missing")
        await screen.press("backspace", "backspace", *"main,take-*", "enter")
        await screen.sees("not now", "Later.")
        daemon.answers[path] = {}
        await screen.press("enter")
        await screen.sees("song: changed")
        assert daemon.asked == [(path, {"branches": ["main", "take-*"]})] * 2
        await screen.press("down", "enter", *"backup", "enter")
        await screen.until(lambda: daemon.asked[-1] == (path, {"remote": "backup"}))
        await screen.until(lambda: not screen.app.screen.is_modal)
        await screen.press("enter", "enter")
        await screen.until(lambda: daemon.asked[-1] == (path, {"remote": None}))


async def test_pause_and_commits_by_itself_are_chosen(daemon: ScriptedDaemon) -> None:
    pause, resume = f"POST repositories/{SONG.id}/pause", f"POST repositories/{SONG.id}/resume"
    daemon.answers |= {pause: {}, resume: {}, f"PATCH repositories/{SONG.id}": {}}

    def was_asked_last(request: tuple[str, dict[str, Any]]) -> bool:
        return daemon.asked[-1:] == [request]

    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("s", "down", "down")
        choices: list[tuple[tuple[str, ...], tuple[str, dict[str, Any]]]] = [
            (("j",), (pause, {"until": NOW + 3600})),
            (("j", "j", "j"), (pause, {})),
            ((), (resume, {})),
        ]
        for keys, asked in choices:
            await screen.press("enter", *keys, "enter")
            await screen.until(partial(was_asked_last, asked))
        await screen.press("enter", "down", "down", "enter")
        await screen.until(lambda: len(daemon.asked) == 4)
        assert NOW < daemon.asked[-1][1]["until"] <= NOW + 25 * 3600
        await screen.press("down", "enter", "down", "enter")
        await screen.until(lambda: daemon.asked[-1][1] == {"snapshot_on_change": True})
        await screen.press("enter", "escape", "down", "enter")
        await screen.sees("this cannot be changed here")
        assert len(daemon.asked) == 5


async def test_the_theme_is_chosen_shown_and_kept(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("comma", "left", "k", "right")
        await screen.sees("museui-dark", "4711", "3 d", "12 folders")
        await screen.press("enter", "down", "enter")
        await screen.sees("museui-light")
        assert screen.app.theme == "museui-light"
        await screen.until(lambda: daemon.asked == [("PATCH tui", {"theme": "museui-light"})])
        await screen.press("t", "escape")
        assert screen.app.theme == "museui-light" and len(daemon.asked) == 1


async def test_the_kept_theme_is_begun_with_and_an_unknown_one_is_not(daemon: ScriptedDaemon) -> None:
    for theme, used in (("museui-light", "museui-light"), ("gone", "museui-dark")):
        async with open_screen(daemon, theme=theme) as screen:
            assert screen.app.theme == used


# -- hubs


async def test_hubs_say_how_they_are_and_what_is_pushed_there(daemon: ScriptedDaemon) -> None:
    daemon.answers["POST queue/retry"] = {"retried": 2}
    storage = Storage({"ada/song": 1 << 20, "ada/old": 1 << 19}, 2, 3 << 19, 4 << 20, 1, 1 << 19)
    daemon.answers["GET hubs/storage"] = {"storage": encode(storage)}
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("b")
        await screen.sees("● answers, since 1 min", "✓ song", "↑", "take-2", "3 ahead")
        await screen.sees("1.5 MiB of 4.0 MiB in 2 repositories of yours", "1 bundle waits, 512.0 KiB", "1.0 MiB")
        await screen.press("y")
        assert screen.app.clipboard.startswith("address: https://hub.local")
        await screen.press("down")
        await screen.sees("○ gone", "the hub cannot be reached", "in 8 s", "nothing is pushed there")
        await screen.press("r")
        await screen.sees("the hubs are asked; 2 tried again")
        daemon.show("hubs", hub("https://other.org", latency_s=0.3), key="base")
        await screen.sees("300 ms")
        await screen.press("right")
        assert screen.app.focused is screen.app.screen.query_one("#branches", Table)
        await screen.press("h")
        assert screen.app.focused is screen.app.screen.query_one("#hubs", Table)


async def test_an_old_hub_that_does_not_tell_storage_shows_the_rest(daemon: ScriptedDaemon) -> None:
    daemon.answers["GET hubs/storage"] = {"storage": None}
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        await screen.press("b")
        await screen.sees("● answers, since 1 min", "✓ song")
        await screen.until(lambda: ("GET hubs/storage", {"base": "https://hub.local"}) in daemon.asked)
        daemon.answers["GET hubs/storage"] = Unauthorized("the token has been revoked")
        daemon.show("history", push(9))
        await screen.sees("the token has been revoked", "✓ song")
        assert "promotion" not in screen.text


async def test_without_a_hub_that_is_said(daemon: ScriptedDaemon) -> None:
    for base in ("https://hub.local", "https://other.org"):
        daemon.drop("hubs", base)
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("all safe")
        await screen.press("b", "y")
        await screen.sees("no repository has a hub yet")


# -- all of them


async def test_one_place_takes_the_place_of_another_and_escape_goes_to_the_dashboard(daemon: ScriptedDaemon) -> None:
    daemon.answers["GET doctor"] = {"checks": []}
    async with open_screen(daemon) as screen:
        await screen.sees("all safe")
        for key, seen in (("b", "Hubs"), ("D", "Doctor"), ("D", "Doctor"), ("s", "Settings of")):
            await screen.press(key)
            await screen.sees(seen)
        await leave(screen)


@pytest.mark.parametrize(("key", "seen"), [("b", "Hubs"), ("D", "Doctor"), ("s", "Settings of"), ("a", "Search below")])
async def test_every_place_is_whole_in_eighty_by_twenty_four_and_without_a_daemon(
    daemon: ScriptedDaemon, home: Path, key: str, seen: str
) -> None:
    daemon.answers["GET doctor"], daemon.answers["GET found"] = {"checks": []}, found()
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("all safe")
        await screen.press(key)
        await screen.sees(seen, "esc back", "q quit")
        daemon.stop()
        await screen.sees("the daemon is gone")
        await screen.press("r", "enter")
        await screen.press("escape", "escape")
        await screen.until(lambda: screen.app.screen is screen.dashboard)
        daemon.start()
