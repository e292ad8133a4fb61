"""What is usual for a repository: medians and 95th percentiles of its pushes, and which phase of a push was not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from museui.core.phases import PHASES
from museui.local.messages import PushView

_ENOUGH = 8
"""Pushes before anything is called usual."""
_SIMILAR = 4.0
"""Pushes whose bytes differ by more than this factor say nothing about each other."""
_FACTOR = 2.0
_NOTICEABLE_S = 0.25


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of ``values`` do not exceed (nearest rank). ``values`` is not empty."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a push that was done took: seconds of each phase it had and of the ``total``, and its bytes."""

    wire_bytes: int
    seconds: Mapping[str, float]


def figures_of(push: PushView) -> Figures:
    """The figures of ``push``."""
    return Figures(
        push.wire_bytes, {phase.name: phase.seconds for phase in push.phases} | {"total": push.total_seconds}
    )


def summarise(pushes: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """For each phase and the ``total``: ``count``, ``p50_s`` and ``p95_s``."""
    found: dict[str, dict[str, float]] = {}
    for name in (*PHASES, "total"):
        values = [push.seconds[name] for push in pushes if name in push.seconds]
        if values:
            found[name] = {
                "count": len(values),
                "p50_s": round(percentile(values, 0.5), 6),
                "p95_s": round(percentile(values, 0.95), 6),
            }
    return found


def find_slower(push: Figures, earlier: Sequence[Figures]) -> str | None:
    """The phase of ``push`` that took much longer than in ``earlier`` pushes of about its size, if one did.

    Longer than nineteen of twenty and twice the median, by a quarter of a second at least; of several the one that
    cost most.
    """
    similar = [item for item in earlier if _similar(item.wire_bytes, push.wire_bytes)]
    excess: dict[str, float] = {}
    for name in PHASES:
        values = [item.seconds[name] for item in similar if name in item.seconds]
        now = push.seconds.get(name)
        if now is None or len(values) < _ENOUGH:
            continue
        middle = percentile(values, 0.5)
        if now > percentile(values, 0.95) and now > _FACTOR * middle and now - middle > _NOTICEABLE_S:
            excess[name] = now - middle
    return max(excess, key=lambda name: excess[name], default=None)


def _similar(ours: int, theirs: int) -> bool:
    return max(ours, theirs) <= _SIMILAR * max(min(ours, theirs), 1024)
