"""What a push says on a terminal: figures that are known, in lines that fit."""

from __future__ import annotations

from typing import Any

import pytest

from museui.cli.progress import render_figures, render_result
from museui.core.figures import render_bytes, render_seconds
from museui.core.ids import CommitId
from museui.core.phases import PHASES, PhaseEnded, PhaseProgressed
from museui.sync.push_outcome import PushOutcome


def result(**fields: object) -> PushOutcome:
    base: dict[str, Any] = {"repo": "/song", "remote": None, "url": "http://127.0.0.1:8750/ada/song", "branch": "main"}
    return PushOutcome(**{**base, "head": CommitId("ab" * 32), **fields})


@pytest.mark.parametrize(
    ("event", "figures"),
    [
        (PhaseProgressed("pack", 1.0, 724, None, "commits"), "724 commits"),
        (PhaseProgressed("pack", 1.0, 3, 9, "objects"), "3 of 9 objects"),
        (PhaseProgressed("transfer", 0.0, 0, 1 << 20, "bytes"), "0.0 of 1.0 MiB"),
        (PhaseProgressed("transfer", 2.0, 20 << 20, 50 << 20, "bytes"), "20.0 of 50.0 MiB  10 MiB/s  3.00 s left"),
    ],
)
def test_only_what_is_known_is_shown(event: PhaseProgressed, figures: str) -> None:
    assert render_figures(event) == figures


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 30, "5.0 GiB")])
def test_sizes_have_their_unit(size: int, text: str) -> None:
    assert render_bytes(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0214, "21 ms"), (1.079, "1.08 s")])
def test_times_have_their_unit(seconds: float, text: str) -> None:
    assert render_seconds(seconds) == text


def test_five_phases_and_a_total_in_eighty_columns() -> None:
    ended = {name: PhaseEnded(name, 12.345, detail={}) for name in PHASES}
    shown = render_result(
        result(
            ended=ended,
            commits=10_350,
            snapshots=10_350,
            objects=51_650,
            raw_bytes=1_480_000_000,
            wire_bytes=670_000_000,
        ).to_json()
    )
    lines = shown.splitlines()
    assert [line.split()[0] for line in lines] == ["main", *PHASES, "total"]
    assert max(map(len, lines)) <= 80
    assert "2.2:1" in shown


def test_a_phase_over_its_gate_and_one_that_failed_are_marked() -> None:
    seconds = {"negotiate": 0.1, "pack": 5.1, "transfer": 0.1}
    ended = {name: PhaseEnded(name, seconds[name], ok=name != "transfer", detail={}) for name in PHASES[:3]}
    lines = render_result(result(ended=ended, commits=1, objects=2).to_json()).splitlines()
    assert [line.split()[6] for line in lines[1:4]] == ["✓", "!", "✗"]
    assert "1 commit, 2 objects" in lines[2]


def test_nothing_to_do_is_one_line() -> None:
    assert render_result(result(up_to_date=True).to_json()).endswith("up to date (abababababab)")
    assert "would send 3 commits" in render_result(result(dry_run=True, commits=3).to_json())
