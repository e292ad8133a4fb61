"""Pushes as the pages show them: the phases the hub has seen, each drawn against its gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from museui.core.ids import CommitId
from museui.core.phases import GATES, PhaseName

_STEPS: Mapping[PhaseName, tuple[str, ...]] = {
    "index": ("read", "verify", "store", "index"),
    "advance_ref": ("advance",),
}
"""Of which of the receipt's timings a phase is made."""
_THINNEST = 0.4


@dataclass(frozen=True, slots=True)
class Segment:
    """A step of a phase. ``left`` and ``width`` are per cent of the bar, which is as long as the gate."""

    name: str
    seconds: float
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class PhaseView:
    """One phase against its gate. ``seconds`` None: the hub has not seen it."""

    name: PhaseName
    gate_s: float
    seconds: float | None
    segments: tuple[Segment, ...] = ()

    @property
    def over(self) -> bool:
        """Whether it took longer than its gate."""
        return self.seconds is not None and self.seconds > self.gate_s


@dataclass(frozen=True, slots=True)
class PushView:
    """One push. Times in Unix seconds; counts are of what was new to the repository."""

    id: str
    user: str
    branch: str
    head: CommitId
    previous_head: CommitId | None
    forced: bool
    strategy: str
    wire_bytes: int
    commits: int
    objects: int
    promoted: bool
    created_at: float
    total_s: float | None
    ahead_s: float | None
    """How long the hub verified while the bytes arrived, if it did; that is part of no phase."""
    phases: tuple[PhaseView, ...]


def view_push(message: Mapping[str, Any], presigned_at: float | None) -> PushView:
    """The push of an API message; ``presigned_at``: when its upload was first presigned, None when it had none."""
    timings = {
        name: float(seconds)
        for name, seconds in (message.get("timings") or {}).items()
        if isinstance(seconds, (int, float))
    }
    total_s = timings.get("total")
    transfer: dict[str, float] = {}
    if presigned_at is not None and total_s is not None:
        transfer["transfer"] = max(0.0, message["created_at"] - total_s - presigned_at)
    return PushView(
        id=message["push_id"],
        user=message["user"],
        branch=message["branch"],
        head=CommitId(message["head"].removeprefix("sha256:")),
        previous_head=CommitId(message["previous_head"].removeprefix("sha256:")) if message["previous_head"] else None,
        forced=message["forced"],
        strategy=message["strategy"],
        wire_bytes=message["wire_bytes"],
        commits=int(message.get("stored_commits") or 0),
        objects=int(message.get("stored_objects") or 0),
        promoted=message["promotion"] == "done",
        created_at=message["created_at"],
        total_s=total_s,
        ahead_s=timings.get("ahead"),
        phases=(
            _phase("transfer", ("transfer",), transfer),
            *(_phase(name, steps, timings) for name, steps in _STEPS.items()),
        ),
    )


def _phase(name: PhaseName, steps: tuple[str, ...], timings: Mapping[str, float]) -> PhaseView:
    gate_s = GATES[name]
    taken = [(step, timings[step]) for step in steps if step in timings]
    if not taken:
        return PhaseView(name, gate_s, None)
    seconds = sum(value for _, value in taken)
    scale = 100.0 / max(gate_s, seconds)
    segments: list[Segment] = []
    left = 0.0
    for step, value in taken:
        width = max(value * scale, _THINNEST if len(taken) == 1 else 0.0)
        segments.append(Segment(step, value, round(left, 2), round(width, 2)))
        left += width
    return PhaseView(name, gate_s, seconds, tuple(segments))
