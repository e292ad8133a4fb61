"""What the events of a push come to, as people see it."""

from __future__ import annotations

from daemon.pushing.running_push import RunningPush
from daemon.queue.entry import Target
from museui.core.ids import CommitId
from museui.core.phases import PhaseEnded, PhaseEvent, PhaseProgressed, PhaseStarted
from museui.sync.push_outcome import PushOutcome


def heard(*events: tuple[float, PhaseEvent]) -> dict[str, tuple[str, float, float]]:
    """Phase → (state, began_s, seconds) after events that came so many seconds after the start."""
    push = RunningPush(1, Target("/music/song", "origin", "main"), "ab" * 32, 1_000_000.0, 50.0)
    for after_s, event in events:
        push.hear(event, 50.0 + after_s)
    view = push.view(
        PushOutcome(repo="/music/song", remote="origin", url="", branch="main", head=CommitId("ab" * 32)), 60.0
    )
    return {phase.name: (phase.state, round(phase.began_s, 6), phase.seconds) for phase in view.phases}


def test_a_phase_begins_when_it_is_said_to() -> None:
    found = heard(
        (0.25, PhaseStarted("pack")),
        (0.5, PhaseProgressed("pack", 0.25, 1, 4, "objects")),
        (1.25, PhaseEnded("pack", 1.0)),
        (1.25, PhaseStarted("transfer")),
    )
    assert found == {"pack": ("done", 0.25, 1.0), "transfer": ("running", 1.25, 0.0)}


def test_phases_of_one_request_lie_one_after_the_other_though_they_are_told_of_together() -> None:
    found = heard(
        (1.0, PhaseStarted("transfer")),
        (3.0, PhaseEnded("transfer", 0.5)),
        (3.0, PhaseStarted("index")),
        (3.0, PhaseEnded("index", 1.25)),
        (3.0, PhaseStarted("advance_ref")),
        (3.0, PhaseEnded("advance_ref", 0.25, ok=False)),
    )
    assert found == {
        "transfer": ("done", 1.0, 0.5),
        "index": ("done", 1.75, 1.25),
        "advance_ref": ("failed", 2.75, 0.25),
    }
