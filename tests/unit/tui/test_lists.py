"""The rows of repositories, queue, history and log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from museui.local.messages import LogLine, QueueView
from museui.local.state import State
from museui.tui.view.lists import (
    history_rows,
    log_rows,
    matches,
    most_urgent,
    queue_rows,
    repository_rows,
    sparkline,
)
from tests.helpers.scripted_daemon import NOW, RUNNING
from tests.helpers.views import FORBIDDEN, GONE, entry, phase, push, repository


def state(**collections: Any) -> State:
    known = {name: {str(item.id): item for item in items} for name, items in collections.items()}
    return State({"daemon": RUNNING}, **known)


def test_repositories_come_by_name_and_say_why_they_are_not_safe() -> None:
    shown = state(
        repositories=[repository("song"), repository("Album", "stopped"), repository("b", "missing", trouble=GONE)],
        queue=[entry("Album", "stopped", error=FORBIDDEN)],
    )
    rows = repository_rows(shown, NOW)
    assert [(row.name, row.note) for row in rows] == [
        ("Album", FORBIDDEN.message),
        ("b", GONE.message),
        ("song", ""),
    ]


@pytest.mark.parametrize(
    ("message", "note"),
    [("/music/song/.muse/HEAD is damaged", ".muse/HEAD is damaged"), ("/music/song is gone", "is gone")],
)
def test_why_it_is_not_safe_leaves_out_where_it_is(message: str, note: str) -> None:
    shown = state(repositories=[repository("song", "damaged", trouble=replace(GONE, message=message))])
    assert [row.note for row in repository_rows(shown, NOW)] == [note]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ["album", "song"]), ("SON", ["song"]), ("music alb", ["album"]), ("stopped", ["album"]), ("x", [])],
)
def test_a_filter_takes_every_word_anywhere(text: str, expected: list[str]) -> None:
    shown = state(repositories=[repository("song"), repository("album", "stopped")])
    assert [row.name for row in repository_rows(shown, NOW, text)] == expected


def test_a_detached_repository_shows_its_first_branch_and_an_empty_one_none() -> None:
    shown = state(
        repositories=[repository("a", current_branch=None), repository("b", current_branch=None, branches=())]
    )
    assert [row.branch for row in repository_rows(shown, NOW)] == ["main", "–"]


def test_the_most_urgent_repository_comes_under_the_cursor() -> None:
    shown = state(repositories=[repository("a"), repository("b", "missing"), repository("c", "paused")])
    assert most_urgent(repository_rows(shown, NOW)) == repository("b").id


def test_the_cursor_stays_where_it_is_unless_another_is_more_urgent() -> None:
    names = ("a", "pushing"), ("b", "pushing"), ("c", "waiting"), ("d", "paused")
    a, b, c, d = items = [repository(name, word) for name, word in names]
    rows = repository_rows(state(repositories=items), NOW)
    assert [most_urgent(rows, item.id) for item in items] == [a.id, b.id, c.id, a.id]
    assert most_urgent(repository_rows(state(repositories=[c, d]), NOW), d.id) == c.id


def test_what_is_paused_comes_last_in_the_queue_and_is_not_tried() -> None:
    items = [repository("a", "paused"), repository("b", "waiting")]
    rows = queue_rows(state(repositories=items, queue=[entry("a", reason="paused"), entry("b")]), NOW)
    assert [(row.repository, row.next_try) for row in rows] == [("b", "soon"), ("a", "–")]
    assert most_urgent([]) is None


@pytest.mark.parametrize(
    ("item", "said", "next_try"),
    [
        (entry(), "waiting", "soon"),
        (entry(reason="hub unreachable", next_try_at=NOW + 8, tries=2), "waiting: hub unreachable", "in 8 s (try 3)"),
        (entry(reason="hub unreachable", next_try_at=NOW + 0.5), "waiting: hub unreachable", "when it is back"),
        (entry(next_try_at=NOW - 1), "waiting", "now"),
        (entry(state="stopped", error=FORBIDDEN, reason="x"), f"stopped: {FORBIDDEN.message}", "press r"),
        (entry(state="cancelled"), "cancelled", "press r"),
        (entry(state="pushing", push=9), "pushing", "–"),
        (entry(state="pushing", push=1), "transfer 61 %", "–"),
        (entry(state="pushing", push=2), "starting", "–"),
        (entry(state="pushing", push=3), "advance ref", "–"),
    ],
)
def test_a_row_of_the_queue_says_what_happens_next(item: QueueView, said: str, next_try: str) -> None:
    running = [
        push(1, result="running", phases=(phase("transfer", "running", done=61, total=100),)),
        push(2, result="running", phases=()),
        push(3, result="running", phases=(phase("advance_ref", "running"),)),
    ]
    (row,) = queue_rows(state(queue=[item], pushes=running), NOW)
    assert (row.state, row.next_try) == (said, next_try)


def test_the_queue_has_what_moves_first_and_then_what_needs_a_person() -> None:
    items = [entry("a"), entry("b", "cancelled"), entry("c", "stopped"), entry("d", "pushing"), entry("e")]
    items[4] = entry("e", next_try_at=NOW + 1)
    assert [row.repository for row in queue_rows(state(queue=items), NOW)] == ["d", "c", "a", "e", "b"]


@pytest.mark.parametrize(
    ("item", "symbol", "note"),
    [
        (push(), "✓", ""),
        (push(slower="advance_ref"), "✓", "slower than usual: advance ref"),
        (push(result="up_to_date"), "✓", ""),
        (push(result="cancelled"), "✗", ""),
        (push(result="failed", error=GONE, tries=4), "✗", f"{GONE.message} (4 times)"),
    ],
)
def test_a_row_of_the_history_says_what_was_unusual(item: Any, symbol: str, note: str) -> None:
    (row,) = history_rows([item], state(), NOW)
    assert (row.status.symbol, row.note, row.when, row.size) == (symbol, note, "5 min", "1.0 MiB")


def test_the_history_has_the_newest_first_by_number() -> None:
    assert [row.id for row in history_rows([push(9), push(11), push(10)], state(), NOW)] == ["11", "10", "9"]


def test_the_log_has_the_newest_line_first() -> None:
    shown = state(log=[LogLine(1, NOW, "info", "one"), LogLine(2, NOW, "error", "two")])
    assert [(row.message, row.tone) for row in log_rows(shown)] == [("two", "bad"), ("one", "text")]


def test_a_line_of_the_log_begins_with_a_name_and_is_found_by_its_folder() -> None:
    lines = [
        LogLine(1, NOW, "info", "/music/song: main is on https://hub.local/ada/song"),
        LogLine(2, NOW, "warning", "/music/song: missing: /music/song is not there"),
        LogLine(3, NOW, "info", "/music/songs: another"),
    ]
    shown = state(repositories=[repository("song")], log=lines)
    said = ["/music/songs: another", "song: missing: song is not there", "song: main is on https://hub.local/ada/song"]
    assert [row.message for row in log_rows(shown)] == said
    assert [row.id for row in log_rows(shown, "/music/song: main")] == ["1"]


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [([], 5, ""), ([0, 0], 5, "▁▁"), ([1, 2, 4, 8], 5, "▂▃▅█"), ([8, 1, 8], 2, "▂█"), ([3.0] * 3, 3, "███")],
)
def test_a_sparkline_is_as_high_as_its_highest(values: list[float], width: int, line: str) -> None:
    assert sparkline(values, width) == line


def test_matching_ignores_case_and_order() -> None:
    assert matches("B a", "xA", "yb") and not matches("c", "a", "b")
