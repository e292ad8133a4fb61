"""What is usual for a repository: medians and 95th percentiles of its pushes, and which phase of a push was not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

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


def summarise(pushes: Iterable[PushView]) -> dict[str, Any]:
    """For each phase and the ``total``: ``count``, ``p50_s`` and ``p95_s`` of the pushes that were done."""
    done = [push for push in pushes if push.result == "done"]
    found: dict[str, Any] = {}
    for name in (*PHASES, "total"):
        values = [seconds for push in done if (seconds := _seconds(push, name)) is not None]
        if values:
            found[name] = {
                "count": len(values),
                "p50_s": round(percentile(values, 0.5), 6),
                "p95_s": round(percentile(values, 0.95), 6),
            }
    return found


def find_slower(push: PushView, earlier: Iterable[PushView]) -> str | None:
    """The phase of ``push`` that took much longer than in ``earlier`` pushes of about its size, if one did.

    Longer than nineteen of twenty and twice the median, by a quarter of a second at least; of several the one that
    cost most.
    """
    if push.result != "done":
        return None
    similar = [item for item in earlier if item.result == "done" and _similar(item.wire_bytes, push.wire_bytes)]
    excess: dict[str, float] = {}
    for name in PHASES:
        values = [seconds for item in similar if (seconds := _seconds(item, name)) is not None]
        now = _seconds(push, name)
        if now is None or len(values) < _ENOUGH:
            continue
        middle = percentile(values, 0.5)
        if now > percentile(values, 0.95) and now > _FACTOR * middle and now - middle > _NOTICEABLE_S:
            excess[name] = now - middle
    return max(excess, key=lambda name: excess[name], default=None)


def _seconds(push: PushView, name: str) -> float | None:
    if name == "total":
        return push.total_seconds
    return next((phase.seconds for phase in push.phases if phase.name == name), None)


def _similar(ours: int, theirs: int) -> bool:
    return max(ours, theirs) <= _SIMILAR * max(min(ours, theirs), 1024)
