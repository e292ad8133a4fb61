"""What is said of one repository, and its push as bars."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from museui.core.errors import Unreachable
from museui.local.state import State
from museui.tui.view.clock import MOVING_S, next_change_s, render_ago
from museui.tui.view.empty_state import FIRST_RUN, find_empty_state
from museui.tui.view.error_text import copy_text
from museui.tui.view.push import describe_repository
from museui.tui.view.waterfall import draw_push, render_bar, render_left, render_progress
from tests.helpers.scripted_daemon import NOW, RUNNING
from tests.helpers.views import FORBIDDEN, GONE, branch, entry, hub, phase, push, repository


def state(**collections: Any) -> State:
    known = {name: {str(item.id): item for item in items} for name, items in collections.items()}
    return State({"daemon": RUNNING}, **known)


@pytest.mark.parametrize(
    ("view", "summary"),
    [
        (repository(), "Everything is on the hub."),
        (repository(state="paused"), "Paused: nothing is pushed. Space resumes."),
        (repository(state="no_remote", remote=None, url=None), "It has no remote: museui remote add origin URL"),
        (repository(state="behind", branches=(branch("behind", behind=2),)), "main: 2 behind"),
    ],
)
def test_a_repository_without_a_push_says_how_it_stands(view: Any, summary: str) -> None:
    assert describe_repository(state(repositories=[view]), view, NOW).summary == summary


def test_a_push_that_runs_is_what_is_shown() -> None:
    running = push(
        7,
        result="running",
        bytes_per_s=1 << 20,
        left_s=0.2,
        phases=(phase("transfer", "running", done=1 << 20, total=2 << 20, unit="bytes"),),
    )
    shown = state(repositories=[repository()], pushes=[running], history=[push(6)], queue=[entry(error=FORBIDDEN)])
    panel = describe_repository(shown, repository(), NOW)
    assert panel.summary == "Push 7   transfer 50 %   1.0 MiB / 2.0 MiB   1.0 MiB/s   0.2 s left"
    assert panel.push == running and panel.trouble is None
    assert panel.title == "song   main → origin   hub.local/ada/song"


def test_what_is_in_the_way_comes_before_the_last_push() -> None:
    shown = state(repositories=[repository()], history=[push(6)], queue=[entry(state="stopped", error=FORBIDDEN)])
    panel = describe_repository(shown, repository(state="stopped"), NOW)
    assert (panel.summary, panel.trouble, panel.tone) == (FORBIDDEN.message, FORBIDDEN, "bad")
    copied = copy_text(FORBIDDEN).splitlines()
    assert copied == [FORBIDDEN.message, "do: Ask its owner.", "code: forbidden", "request: req-17"]


def test_what_waits_for_a_hub_that_is_gone_says_so_before_it_was_tried() -> None:
    hubs = {"https://hub.local": hub(reachable=False)}
    shown = replace(state(repositories=[repository()], history=[push(6)], queue=[entry()]), hubs=hubs)
    panel = describe_repository(shown, repository(state="waiting"), NOW)
    assert (panel.summary, panel.trouble, panel.tone) == (GONE.message, GONE, "wait")
    assert describe_repository(shown, repository(state="paused"), NOW).trouble is None


def test_the_last_push_says_what_it_was() -> None:
    shown = state(repositories=[repository()], history=[push(6, commits=1, slower="index"), push(5)])
    said = describe_repository(shown, repository(), NOW).summary
    assert said == "Push 6   1 commit, 40 objects, 1.0 MiB   1.00 s   5 min ago   slower than usual: index"


def test_bars_stand_on_one_axis_and_each_against_its_gate() -> None:
    bars = draw_push(push(), 40)
    assert [(bar.title, bar.lead, len(bar.bar)) for bar in bars] == [
        ("negotiate", 0, 4),
        ("pack", 4, 8),
        ("transfer", 12, 16),
        ("index", 28, 10),
        ("advance ref", 38, 2),
    ]
    assert [bar.gate for bar in bars] == ["of 0.5 s", "of 5 s", "of 5 s", "of 10 s", "of 0.5 s"]
    assert {bar.symbol for bar in bars} == {"✓"}
    assert (bars[1].note, bars[2].note) == ("3.0 : 1", "1.0 MiB")


def test_a_phase_that_took_too_long_failed_or_was_not_reached_is_marked() -> None:
    phases = (phase("negotiate", seconds=0.6), phase("pack", "failed", began_s=0.6, seconds=0.1))
    bars = draw_push(push(result="failed", phases=phases), 40)
    assert [(bar.symbol, bar.tone) for bar in bars[:3]] == [("!", "wait"), ("✗", "bad"), ("", "quiet")]
    assert bars[2].bar == bars[2].figure == ""


def test_a_phase_that_runs_is_as_long_as_it_runs_by_now() -> None:
    running = push(result="running", started_at=NOW - 2, phases=(phase("index", "running", began_s=1.0, seconds=0.0),))
    bar = next(bar for bar in draw_push(running, 40, NOW) if bar.title == "index")
    assert (bar.lead, len(bar.bar), bar.figure, bar.symbol) == (20, 20, "1.00 s", "◐")


def test_a_transfer_that_runs_shows_what_is_left_on_the_same_axis() -> None:
    phases = (phase("transfer", "running", seconds=3.0, done=3, total=4, unit="bytes"),)
    bar = draw_push(push(result="running", started_at=NOW - 3, phases=phases, left_s=1.0), 40, NOW)[2]
    assert (bar.bar, bar.rest, bar.note) == ("█" * 30, "░" * 10, "75 %")
    assert draw_push(push(result="failed", phases=phases, left_s=1.0), 40, NOW)[2].rest == ""


def test_a_phase_that_a_push_ended_in_has_failed() -> None:
    phases = (phase("negotiate", "running", seconds=0.1),)
    bar = draw_push(push(result="failed", phases=phases), 40, NOW)[0]
    assert (bar.symbol, bar.tone, bar.figure) == ("✗", "bad", "100 ms")


def test_a_push_without_any_time_has_bars_that_can_be_drawn() -> None:
    assert draw_push(push(phases=()), 40)[0].bar == ""
    assert draw_push(push(phases=(phase(seconds=0.0),)), 40)[0].bar == "▏"


@pytest.mark.parametrize(("cells", "bar"), [(0, ""), (0.125, "▏"), (1, "█"), (2.5, "██▌"), (2.99, "███")])
def test_a_bar_is_drawn_to_an_eighth(cells: float, bar: str) -> None:
    assert render_bar(cells) == bar


@pytest.mark.parametrize(("seconds", "text"), [(0.24, "0.2 s"), (14.4, "14 s"), (119, "119 s"), (180, "3 min")])
def test_time_left_is_no_finer_than_it_is_known(seconds: float, text: str) -> None:
    assert render_left(seconds) == text


def test_progress_that_is_not_in_bytes_counts() -> None:
    assert render_progress(phase("pack", "running", done=3, total=9, unit="commits"), push()) == "3 / 9 commits"
    assert render_progress(phase("pack", "running", done=3, unit="commits"), push()) == "3 commits"
    assert render_progress(phase("pack", "running"), push()) == ""


def test_nothing_changes_by_itself_but_a_push_a_countdown_and_the_minute() -> None:
    now = NOW - NOW % 60 + 10.25
    assert next_change_s(state(repositories=[repository()]), now) == 49.75
    assert next_change_s(state(queue=[entry(next_try_at=now + 30)]), now) == 0.75
    assert next_change_s(state(queue=[entry(next_try_at=now + 300)]), now) == 49.75
    assert next_change_s(state(pushes=[push(result="running")]), now) == MOVING_S
    assert (render_ago(59), render_ago(60)) == ("just now", "1 min ago")


def test_each_state_with_nothing_to_list_is_its_own() -> None:
    failed = Unreachable("the daemon was started and does not answer", hint="Look at its log.")
    titles = [
        find_empty_state(State(), starting=False, problem=None),
        find_empty_state(State(), starting=True, problem=None),
        find_empty_state(State(), starting=False, problem=failed),
    ]
    assert [calm and calm.title for calm in titles] == [
        "Looking for the daemon …",
        "Starting the daemon …",
        "The daemon does not run",
    ]
    assert titles[2] and titles[2].lines == (failed.message, "Look at its log.", "r starts it, q leaves.")
    assert find_empty_state(state(), starting=False, problem=None) == FIRST_RUN
    assert find_empty_state(state(repositories=[repository()]), starting=False, problem=failed) is None


def test_a_trouble_that_may_pass_says_so() -> None:
    assert "code: forbidden (may pass by itself)" in copy_text(replace(FORBIDDEN, retryable=True))
