"""What the doctor, the hubs, the settings and the search for repositories say, worked out without a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from museui.core.errors import Denied, Usage
from museui.core.wire import Storage
from museui.local.messages import Check, FoundView, Trouble
from museui.local.state import State
from museui.tui.preferences import read_theme
from museui.tui.view.doctor import copy_findings, describe_checks
from museui.tui.view.hubs import branch_rows, copy_facts, hub_facts, hub_rows, repositories_of
from museui.tui.view.repository_search import Search, describe_found, describe_search, found_rows
from museui.tui.view.settings import end_of_pause, own_settings, parse_patterns, repository_settings
from tests.helpers.scripted_daemon import NOW, RUNNING
from tests.helpers.views import FORBIDDEN, GONE, branch, entry, hub, repository

SONG = FoundView("/music/song", "origin", "https://hub.local/ada/song")
NO_REMOTE = Trouble("usage", "there is no remote 'origin'", "Add one: museui remote add origin URL")
BARE = FoundView("/music/old/bare", None, None, NO_REMOTE)


def state(hubs: Any = (), **collections: Any) -> State:
    known = {name: {str(item.id): item for item in items} for name, items in collections.items()}
    return State({"daemon": RUNNING}, hubs={item.base: item for item in hubs}, **known)


def test_what_is_wrong_comes_first_with_its_fix() -> None:
    found = describe_checks(
        [Check("disk", True, "9 GiB are free"), Check("socket", False, "others may use it", "chmod")]
    )
    assert (found.summary, found.tone) == ("1 of 2 checks failed", "bad")
    assert [(item.status.symbol, item.name, item.hint) for item in found.findings] == [
        ("✗", "socket", "chmod"),
        ("✓", "disk", ""),
    ]
    assert copy_findings(found).splitlines()[1:] == [
        "✗ socket: others may use it",
        "  do: chmod",
        "✓ disk: 9 GiB are free",
    ]
    assert describe_checks([Check("disk", True, "fine")]).summary == "All is well: 1 check passed"


def test_a_hub_that_answers_and_one_that_is_gone() -> None:
    gone = hub("https://other.org/hub", False, user=None, next_probe_at=NOW + 8)
    known = state([gone, hub()], repositories=[repository()], queue=[entry()])
    assert [(row.status.symbol, row.name, row.note) for row in hub_rows(known)] == [
        ("●", "hub.local", "12 ms"),
        ("○", "other.org/hub", "gone"),
    ]
    assert copy_facts(hub_facts(known, hub(), NOW)).splitlines() == [
        "address: https://hub.local",
        "you are: ada",
        "state: ● answers, since 1 min",
        "latency: 12 ms",
        "waiting: 1 branch: r retries",
    ]
    told = copy_facts(hub_facts(known, gone, NOW))
    for part in ("not signed in: museui login https://other.org/hub", "○ gone", "in 8 s", GONE.message, GONE.hint):
        assert part in told


@pytest.mark.parametrize(
    ("changes", "held", "tone", "backlog"),
    [
        ({}, "2.0 MiB in 1 repository of yours", "text", "done"),
        ({"count": 3, "quota_bytes": 4 << 20}, "2.0 MiB of 4.0 MiB in 3 repositories of yours", "text", "done"),
        ({"quota_bytes": 2 << 20}, "2.0 MiB of 2.0 MiB in 1 repository of yours", "wait", "done"),
        ({"waiting_bundles": 2, "waiting_bytes": 1 << 20}, "", "text", "2 bundles wait, 1.0 MiB"),
    ],
)
def test_what_one_s_repositories_take_stands_with_the_hub(
    changes: dict[str, Any], held: str, tone: str, backlog: str
) -> None:
    storage = replace(Storage({"ada/song": 2 << 20}, 1, 2 << 20, None, 0, 0), **changes)
    facts = {fact.label: fact for fact in hub_facts(state([hub()]), hub(), NOW, storage)}
    assert held in facts["storage"].text
    assert (facts["storage"].tone, facts["promotion"].text) == (tone, backlog)
    known = state(repositories=[repository(branches=(branch(), branch(branch="take-2"))), repository("album")])
    rows = branch_rows(known, "https://hub.local", NOW, storage.repositories)
    assert [(row.repository, row.size) for row in rows] == [("album", ""), ("song", "2.0 MiB"), ("", "")]
    (told,) = (fact for fact in hub_facts(state([hub()]), hub(), NOW, Denied("no")) if fact.label == "storage")
    assert told.text == "no"


def test_a_hub_that_was_not_asked_yet_says_so() -> None:
    known = hub(reachable=None, latency_s=None)
    assert "not yet asked" in copy_facts(hub_facts(state([known]), known, NOW))
    assert hub_rows(state([known]))[0].note == "not yet asked"


def test_branches_stand_under_the_hub_they_are_pushed_to() -> None:
    song = repository(branches=(branch(), branch("ahead", branch="take-2", ahead=3)))
    empty = repository("album", "empty", branches=(), safe_at=None)
    elsewhere = replace(repository("far"), url="https://hub.localhost/ada/far")
    known = state(repositories=[song, empty, elsewhere])
    assert [item.name for item in repositories_of(known, "https://hub.local")] == ["album", "song"]
    rows = branch_rows(known, "https://hub.local", NOW)
    assert [(row.status.symbol, row.repository, row.branch, row.state) for row in rows] == [
        ("○", "album", "–", "empty"),
        ("✓", "song", "main", "safe, just now"),
        ("↑", "", "take-2", "3 ahead"),
    ]


def test_the_settings_of_a_repository_say_what_is_so() -> None:
    paused = replace(repository(state="paused"), paused_until=NOW + 1800.0)
    settings = {item.id: item for item in repository_settings(paused, NOW)}
    assert settings["branches"].value == "all" and settings["branches"].text == "*"
    assert settings["remote"].value == "automatic: origin" and settings["remote"].text == ""
    assert (settings["pause"].value, settings["pause"].tone) == ("for 30 min more", "wait")
    assert settings["snapshot_on_change"].text == "no"
    forever = {item.id: item for item in repository_settings(repository(state="paused"), NOW)}
    assert (forever["pause"].value, forever["pause"].text) == ("without an end", "forever")


def test_the_daemons_facts_and_troubles_are_listed_with_the_theme() -> None:
    polling = replace(RUNNING, watching="polling", watching_trouble=GONE, troubles=(FORBIDDEN,))
    settings = own_settings(State({"daemon": polling}), "museui-dark", ["museui-dark"], NOW)
    assert settings[0].options == (("museui-dark", "museui-dark"),)
    assert [item.value for item in settings[1:]] == ["0.1.0", "4711", "3 d", GONE.message, "2", FORBIDDEN.message]
    assert {item.kind for item in settings[1:]} == {"fact"}


@pytest.mark.parametrize("text", ["", " ", "main,", "main,,take"])
def test_a_missing_pattern_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        parse_patterns(text)


def test_patterns_are_parted_by_commas() -> None:
    assert parse_patterns(" main , take-*") == ["main", "take-*"]


def test_a_pause_until_tomorrow_ends_at_midnight_here() -> None:
    end = end_of_pause("tomorrow", NOW)
    assert end and 0 < end - NOW <= 25 * 3600
    assert datetime.fromtimestamp(end).strftime("%H:%M:%S") == "00:00:00"
    assert (end_of_pause("hour", NOW), end_of_pause("forever", NOW)) == (NOW + 3600, None)


def test_what_was_found_says_whether_it_is_watched_and_why_it_cannot_be() -> None:
    search = Search("/music", 12, (SONG, BARE, replace(SONG, path="/music/new"), replace(SONG, path="/else/where")))
    rows = found_rows(search, {"/music/song": repository()}, {"/music/new": FORBIDDEN})
    assert [(row.status.symbol, row.name, row.target) for row in rows] == [
        ("●", "song", "hub.local/ada/song"),
        ("✗", "old/bare", NO_REMOTE.message),
        ("✗", "new", FORBIDDEN.message),
        ("○", "/else/where", "hub.local/ada/song"),
    ]
    assert found_rows(Search("/music/song", found=(SONG,)), {}, {})[0].name == "song"
    said = [text for _, text in describe_found(BARE, False, None).lines]
    assert said == ["/music/old/bare", NO_REMOTE.message, NO_REMOTE.hint, "usage"]
    assert describe_found(SONG, False, FORBIDDEN).tone == "bad"
    assert "Space stops that" in describe_found(SONG, True, FORBIDDEN).lines[-1][1]


def test_a_search_says_how_it_goes_and_how_it_ended() -> None:
    assert describe_search(Search("/"), []) == ("searching … 0 folders, 0 found", "busy")
    over = Search("/music", 1, (SONG,), over=True, unreadable=2, complete=False)
    text, tone = describe_search(over, ["/music/song"])
    assert (
        text.startswith("1 found in 1 folder, 1 watched, 2 could not be read, the search is incomplete")
        and tone == "wait"
    )
    assert describe_search(replace(over, failure=GONE), []) == (GONE.message, "bad")


@pytest.mark.parametrize(
    ("content", "theme"),
    [
        (b'[tui]\ntheme = "museui-light"\n', "museui-light"),
        (b"[tui]\ntheme = 1\n", None),
        (b"tui = 1 # [tui]\n", None),
        (b"[tui]\ntheme = ", None),
        (b"[tui] \xff", None),
        (b"", None),
        (b"[daemon]\n", None),
    ],
)
def test_the_theme_is_read_and_rubbish_is_none(tmp_path: Path, content: bytes, theme: str | None) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    assert read_theme(path) == theme


def test_no_file_is_no_theme(tmp_path: Path) -> None:
    assert read_theme(tmp_path / "none") is None
    assert read_theme(tmp_path) is None
