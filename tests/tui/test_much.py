"""Ten thousand pushes, five hundred repositories, many changes a second: what is drawn is what is seen, once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from museui.tui.screens import rows
from museui.tui.screens.dashboard import Dashboard
from museui.tui.view.clock import MOVING_S
from museui.tui.widgets.table import Table
from tests.helpers.scripted_daemon import ScriptedDaemon
from tests.helpers.tui import Screen, open_screen
from tests.helpers.views import hub, phase, push, repository

REPOSITORIES = [repository(f"take-{number:03}") for number in range(500)]


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        scripted.answers["GET usual"] = {"usual": {}}
        scripted.show("repositories", *REPOSITORIES)
        scripted.show("hubs", hub(), key="base")
        yield scripted


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How many lines of each table were drawn."""
    lines: Counter[str] = Counter()
    render_line = Table.render_line

    def counted(self: Table, y: int) -> Any:
        lines[str(self.id)] += 1
        return render_line(self, y)

    monkeypatch.setattr(Table, "render_line", counted)
    yield lines


async def settle(screen: Screen) -> None:
    """Return when nothing waits to be drawn: a key was answered after all that came before."""
    await screen.press("down")
    await screen.sees("take-001   main → origin")


async def test_an_arrow_among_500_repositories_draws_two_lines(daemon: ScriptedDaemon, drawn: Counter[str]) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all 500 safe", "take-000")
        assert 0 < drawn["repositories"] < 500
        await settle(screen)
        drawn.clear()
        await screen.press("down")
        await screen.sees("take-002   main → origin")
        assert drawn["repositories"] == 2


async def test_news_draws_the_lines_that_changed_and_none_that_is_not_seen(
    daemon: ScriptedDaemon, drawn: Counter[str]
) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all 500 safe", "take-000")
        await settle(screen)
        drawn.clear()
        daemon.show("hubs", hub(latency_s=0.099), key="base")
        await screen.sees("● 99 ms")
        daemon.show("repositories", repository("take-400", "behind"))
        await screen.sees("↓ 1 behind")
        assert drawn["repositories"] == 0
        daemon.show("repositories", repository("take-003", "stopped"))
        await screen.sees("✗ 1 needs you")
        assert drawn["repositories"] == 1


async def test_ten_thousand_pushes_make_the_rows_that_are_seen_and_a_handful_of_widgets(
    daemon: ScriptedDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    past = rows.past

    def count(row: Any) -> Any:
        made.append(row.id)
        return past(row)

    monkeypatch.setattr(rows, "past", count)
    names = [item.name for item in REPOSITORIES]
    daemon.serve_history(*(push(number, names[number % 500]) for number in range(1, 10_001)))
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all 500 safe")
        await screen.press("H")
        await screen.sees("10,000 pushes ", "take-000")
        assert len(screen.app.screen.query("*")) < 20
        assert set(made) <= {str(number) for number in range(10_000, 9_900, -1)}
        made.clear()
        await screen.press("down", "pagedown", "end")
        await screen.sees("take-001")
        assert len(set(made)) < 200
        made.clear()
        await screen.press("slash", *"take-123", "enter")
        await screen.sees("20 pushes ")
        assert len(set(made)) < 200


async def test_the_cursor_is_still_seen_when_the_filter_goes(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all 500 safe")
        await screen.press("slash", *"321", "enter")
        await screen.sees("take-321   main")
        await screen.press("slash", "escape")
        await screen.sees("take-320", "take-321   main", "take-321  ")


async def test_many_changes_a_second_are_shown_together(
    daemon: ScriptedDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    show_news = Dashboard.show_news

    def count(self: Dashboard, news: Any) -> None:
        shown.append(news)
        show_news(self, news)

    monkeypatch.setattr(Dashboard, "show_news", count)
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all 500 safe")
        shown.clear()
        began_s = time.monotonic()
        for number in range(300):
            phases = (phase("pack", "running", done=number, total=299, unit="commits"),)
            daemon.show("pushes", push(7, "take-000", "running", phases=phases))
        await screen.sees("100 %")
        took_s = time.monotonic() - began_s
    assert len(shown) <= 2 + took_s / 0.1 + took_s / MOVING_S
