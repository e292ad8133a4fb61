"""What counts as a stall: a transfer in which nothing moved, and nothing else."""

from __future__ import annotations

from daemon.pushing.running_push import RunningPush
from daemon.pushing.stalls import find_stalled
from daemon.queue.entry import Target
from museui.core.phases import PhaseEnded, PhaseProgressed, PhaseStarted


def test_only_a_transfer_that_stands_still_for_the_limit_is_a_stall() -> None:
    push = RunningPush(1, Target("/song", "origin", "main"), "0" * 64, 0.0, 0.0)
    assert find_stalled([push], 60.0, 1000.0) == []
    push.hear(PhaseStarted("transfer"), 1000.0)
    assert find_stalled([push], 60.0, 1059.0) == []
    assert find_stalled([push], 60.0, 1060.0) == [push]
    push.hear(PhaseProgressed("transfer", 1.0, 1, 10, "bytes"), 1059.0)
    assert find_stalled([push], 60.0, 1060.0) == []
    push.hear(PhaseEnded("transfer", 60.0, True, {}), 1060.0)
    push.hear(PhaseStarted("index"), 1060.0)
    assert find_stalled([push], 60.0, 9999.0) == [], "the hub may work as long as it needs"
