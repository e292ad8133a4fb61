"""The five phases of a push: their names, their gates, and the events a push yields.

The names are fixed: command line, terminal UI, history, metrics and logs all use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PhaseName = Literal["negotiate", "pack", "transfer", "index", "advance_ref"]

GATES: Mapping[PhaseName, float] = {
    "negotiate": 0.5,
    "pack": 5.0,
    "transfer": 5.0,
    "index": 10.0,
    "advance_ref": 0.5,
}
"""Seconds each phase may take for the reference size, in the order the phases run."""

PHASES: tuple[PhaseName, ...] = tuple(GATES)
TOTAL_GATE_S = 15.0


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase began."""

    name: PhaseName


@dataclass(frozen=True, slots=True)
class PhaseProgressed:
    """How far a phase is: ``done`` of ``total`` (``None``: not known), counted in ``unit``, after ``seconds``."""

    name: PhaseName
    seconds: float
    done: int
    total: int | None
    unit: Literal["bytes", "commits", "objects", "rounds"]


@dataclass(frozen=True, slots=True)
class PhaseEnded:
    """A phase is over: how long it took, whether it did what it should, and the figures it left."""

    name: PhaseName
    seconds: float
    ok: bool = True
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """One entry of ``phases`` in ``museui push --json``."""
        return {
            "name": self.name,
            "seconds": round(self.seconds, 6),
            "gate_seconds": GATES[self.name],
            "ok": self.ok,
            "detail": dict(self.detail),
        }


PhaseEvent = PhaseStarted | PhaseProgressed | PhaseEnded
