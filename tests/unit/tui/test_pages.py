"""A push, the hubs and the doctor as pages of text; the whole history as rows."""

from __future__ import annotations

from typing import Any

import pytest

from museui.local.state import State
from museui.tui.view.clock import render_moment
from museui.tui.view.history import filter_items, make_item, render_totals, render_usual
from museui.tui.view.page import Page, copy_page, push_page
from museui.tui.view.waterfall import draw_push
from tests.helpers.scripted_daemon import NOW, RUNNING
from tests.helpers.views import FORBIDDEN, GONE, push, repository


def texts(page: Page) -> dict[str, str]:
    return {line.label: line.text for section in page.sections for line in section.lines}


def test_a_push_that_arrived_shows_what_was_sent_the_receipt_and_what_is_usual() -> None:
    page = push_page(push(128, push_id="p-1", bundle_id="sha256:b", strategy="bundle"), "song", {"total": 0.9}, NOW)
    summary = "Push 128 of song is on the hub: 1.00 s of 15 s, usual 900 ms"
    assert (page.title, page.summary, page.tone) == ("song   main → origin", summary, "good")
    found = texts(page)
    assert found["records"] == "3 commits, 3 snapshots, 40 objects"
    assert found["bytes"] == "3.0 MiB as 1.0 MiB, 3.0 : 1"
    assert (found["push"], found["bundle"], found["head"]) == ("p-1", "sha256:b", "ab" * 32)
    assert found["took"] == "1.00 s of 15 s, usual 900 ms"
    assert found["ended"] == f"{render_moment(NOW - 300)}, 5 min ago"


def test_a_push_that_failed_begins_with_what_went_wrong_and_is_copied_whole() -> None:
    page = push_page(push(9, result="failed", error=FORBIDDEN, tries=3, phases=()), "song", {}, NOW)
    assert (page.summary, page.tone, page.sections[0].title) == ("Push 9 of song failed", "bad", "What went wrong")
    copied = copy_page(page)
    for text in (FORBIDDEN.message, f"do: {FORBIDDEN.hint}", "code: forbidden", "request: req-17", "3 in a row"):
        assert text in copied


@pytest.mark.parametrize(
    ("item", "summary"),
    [
        (push(1, result="running", phases=()), "Push 1 of song: starting"),
        (push(1, result="cancelled"), "Push 1 of song was cancelled"),
        (push(1, slower="advance_ref"), "Push 1 of song is on the hub: 1.00 s of 15 s, slower than usual: advance ref"),
    ],
)
def test_the_summary_says_what_a_push_came_to(item: Any, summary: str) -> None:
    assert push_page(item, "song", {}, NOW).summary == summary


def test_each_phase_stands_against_what_is_usual() -> None:
    bars = draw_push(push(), 40, usual={"pack": 0.15})
    assert [bar.usual for bar in bars] == ["", "usual 150 ms", "", "", ""]


def test_the_history_is_found_by_words_in_any_of_its_parts() -> None:
    state = State({"daemon": RUNNING}, repositories={repository().id: repository()})
    items = [
        make_item(push(3, result="failed", error=GONE), state),
        make_item(push(2, slower="index"), state),
        make_item(push(1, "album"), state),
    ]
    assert [past.push.id for past in filter_items(items, "SONG slower")] == [2]
    assert [past.push.id for past in filter_items(items, "unreachable")] == [3]
    assert [past.push.id for past in filter_items(items, "")] == [3, 2, 1]
    assert items[0].row.when == render_moment(NOW - 300)[5:16]


def test_totals_are_bars_of_the_pushes_that_were_done_the_newest_at_the_right() -> None:
    state = State({"daemon": RUNNING})
    items = [make_item(push(n, total_seconds=t, result=r), state) for n, t, r in ((3, 8, "done"), (2, 9, "failed"))]
    items.append(make_item(push(1, total_seconds=2), state))
    assert render_totals(items, 10) == "▃█"
    assert render_totals(items, 1) == "█"


def test_what_is_usual_is_said_total_first() -> None:
    figures: dict[str, dict[str, Any]] = {
        "negotiate": {"count": 9, "p50_s": 0.02, "p95_s": 0.04},
        "total": {"count": 9, "p50_s": 1, "p95_s": 2},
    }
    lines = render_usual("song", figures)
    assert {len(line) for line in lines} == {76}
    assert [line.split() for line in lines] == [
        ["usual", "of", "song", "total", "negotiate", "pack", "transfer", "index", "advance", "ref"],
        ["median", "1.00", "s", "20", "ms", "–", "–", "–", "–"],
        ["95", "%", "below", "2.00", "s", "40", "ms", "–", "–", "–", "–"],
    ]
    assert {len(line) for line in render_usual("x" * 40, figures)} == {76}
    assert render_usual("song", {}) == []
