"""The one word for a repository, and the one line for all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from museui.local.messages import RepositoryView
from museui.local.state import State
from museui.tui.view.headline import make_headline
from museui.tui.view.status import Tone, branch_status, repository_status
from tests.helpers.scripted_daemon import NOW, RUNNING
from tests.helpers.views import FORBIDDEN, GONE, branch, entry, hub, repository

AHEAD = (branch("ahead", ahead=3), branch("ahead", branch="take", ahead=1))


def state(*repositories: RepositoryView, **collections: Any) -> State:
    return State({"daemon": RUNNING}, repositories={item.id: item for item in repositories}, **collections)


@pytest.mark.parametrize(
    ("view", "queue", "expected"),
    [
        (repository(), [], ("●", "good", "✓ now")),
        (repository(safe_at=NOW - 300), [], ("●", "good", "✓ 5 min")),
        (repository(safe_at=None), [], ("●", "good", "✓")),
        (repository(state="pushing", branches=AHEAD), [], ("◐", "busy", "↑4")),
        (repository(state="pushing", branches=()), [], ("◐", "busy", "pushing")),
        (repository(state="paused"), [], ("║", "wait", "paused")),
        (repository(state="paused", paused_until=NOW + 7300), [], ("║", "wait", "for 2 h")),
        (repository(state="paused", paused_until=NOW + 3), [], ("║", "wait", "for 1 min")),
        (repository(state="stopped"), [entry(state="stopped", error=FORBIDDEN)], ("✗", "bad", "403")),
        (
            repository(state="stopped"),
            [entry(state="stopped", error=replace(FORBIDDEN, code="quota_exceeded"))],
            ("✗", "bad", "quota exceeded"),
        ),
        (
            repository(state="stopped"),
            [entry(state="stopped", error=replace(FORBIDDEN, code="non_fast_forward"))],
            ("⇅", "bad", "diverged"),
        ),
        (repository(state="stopped"), [], ("✗", "bad", "stopped")),
        (repository(state="behind", branches=(branch("behind", behind=2),)), [], ("●", "wait", "↓2")),
        (repository(state="waiting", branches=AHEAD), [entry()], ("◌", "busy", "↑4")),
        (repository(state="waiting", branches=AHEAD), [entry(tries=2, error=GONE)], ("◌", "wait", "↑4")),
        (repository(state="waiting", branches=(branch("diverged"),)), [], ("⇅", "bad", "diverged")),
        (repository(state="waiting", branches=(branch("never_pushed"),)), [], ("○", "wait", "new")),
        (repository(state="empty"), [], ("○", "quiet", "empty")),
        (repository(state="no_remote"), [], ("○", "wait", "no remote")),
        (repository(state="missing"), [], ("✗", "bad", "missing")),
        (repository(state="of a newer daemon"), [], ("?", "quiet", "of a newer daemon")),
    ],
)
def test_a_repository_is_a_symbol_and_a_word(
    view: RepositoryView, queue: list[Any], expected: tuple[str, Tone, str]
) -> None:
    status = repository_status(view, queue, NOW)
    assert (status.symbol, status.tone, status.word) == expected


@pytest.mark.parametrize(
    ("standing", "symbol", "word"),
    [
        ("safe", "✓", "safe"),
        ("ahead", "↑", "2 ahead"),
        ("behind", "↓", "3 behind"),
        ("diverged", "⇅", "diverged: 2 here, 3 there"),
        ("never_pushed", "○", "never pushed"),
        ("unknown", "?", "the hub has commits that are not here"),
    ],
)
def test_a_branch_is_a_symbol_and_words(standing: str, symbol: str, word: str) -> None:
    status = branch_status(branch(standing, ahead=2, behind=3))
    assert (status.symbol, status.word) == (symbol, word)


@pytest.mark.parametrize(
    ("repositories", "tone", "verdict"),
    [
        ([], "quiet", "nothing is watched yet"),
        ([repository()], "good", "✓ all safe"),
        ([repository(), repository("album")], "good", "✓ all 2 safe"),
        ([repository(), repository("album", "waiting")], "wait", "↑ 1 queued  ✓ all else safe"),
        ([repository(), repository("album", "pushing")], "busy", "◐ 1 pushing  ✓ all else safe"),
        ([repository("album", "stopped")], "bad", "✗ 1 needs you"),
        (
            [repository(), repository("a", "stopped"), repository("b", "missing")],
            "bad",
            "✗ 2 need you  ✓ all else safe",
        ),
        ([repository("a", "paused")], "wait", "║ 1 paused"),
        ([repository("a", "paused", safe=True)], "good", "✓ all safe"),
        ([repository("a", "behind")], "wait", "↓ 1 behind"),
    ],
)
def test_the_headline_answers_whether_all_is_safe(repositories: list[RepositoryView], tone: str, verdict: str) -> None:
    headline = make_headline(state(*repositories), NOW, connected=True)
    assert (headline.tone, "  ".join(part.text for part in headline.verdict)) == (tone, verdict)


def test_the_headline_claims_nothing_when_the_daemon_is_gone_or_not_known() -> None:
    gone = make_headline(state(repository()), NOW, connected=False)
    assert (gone.tone, gone.verdict[0].text) == ("bad", "not known: the daemon is gone, r starts it")
    assert gone.places[0].text == "daemon ○ gone"
    starting = make_headline(state(repository()), NOW, connected=False, starting=True)
    assert (starting.tone, starting.verdict[0].text) == ("busy", "not known: starting the daemon …")
    assert make_headline(State(), NOW, connected=False).verdict == ()


@pytest.mark.parametrize(
    ("view", "text", "tone"),
    [
        (hub(), "ada@hub.local ● 12 ms", "good"),
        (hub(latency_s=None, user=None), "hub.local ●", "good"),
        (hub(reachable=None), "ada@hub.local …", "quiet"),
        (hub(reachable=False), "ada@hub.local ○ gone", "bad"),
    ],
)
def test_the_headline_says_who_is_there(view: Any, text: str, tone: str) -> None:
    headline = make_headline(state(repository(), hubs={view.base: view}), NOW, connected=True)
    assert [part.text for part in headline.places] == ["daemon ● 3 d", text]
    assert headline.places[1].tone == tone


def test_a_daemon_with_trouble_is_to_be_looked_at() -> None:
    troubled = state(repository())
    troubled.daemon["daemon"] = replace(RUNNING, troubles=(FORBIDDEN,))
    assert make_headline(troubled, NOW, connected=True).places[0].text == "daemon ● look at it"
