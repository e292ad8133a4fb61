"""A push on its way: what its phase events come to, as people see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from museui.core.errors import MuseError
from museui.core.phases import GATES, PHASES, PhaseEnded, PhaseEvent, PhaseName, PhaseProgressed, PhaseStarted
from museui.local.messages import PhaseView, PushView, trouble_of
from museui.settings.config import repository_id
from museui.sync.push_outcome import PushOutcome

from ..queue.entry import Target
from .transfer_speed import TransferSpeed


class RunningPush:
    """One push, from its start to its end. ``now_s`` is a clock that never jumps."""

    def __init__(self, number: int, target: Target, head: str, started_at: float, now_s: float) -> None:
        self.number = number
        self.target = target
        self.moved_s = now_s
        """When something last moved."""
        self._began_s = now_s
        self._phases: dict[PhaseName, PhaseView] = {}
        self._speed = TransferSpeed()
        self._view = PushView(
            id=number,
            repository=repository_id(target.repository),
            path=target.repository,
            remote=target.remote,
            url="",
            branch=target.branch,
            head=head,
            previous_head=None,
            result="running",
            started_at=started_at,
            ended_at=None,
            total_seconds=0.0,
            phases=(),
        )

    @property
    def transferring(self) -> bool:
        """Whether bytes are on their way."""
        phase = self._phases.get("transfer")
        return phase is not None and phase.state == "running"

    def set_url(self, url: str) -> None:
        """Where it goes."""
        self._view = replace(self._view, url=url)

    def hear(self, event: PhaseEvent, now_s: float) -> None:
        """Take in one event."""
        self.moved_s = now_s
        phase = self._phases.get(event.name)
        match event:
            case PhaseStarted(name=name):
                began_s = phase.began_s if phase else now_s - self._began_s
                self._phases[name] = PhaseView(name, "running", began_s, 0.0, GATES[name])
                self._speed = TransferSpeed()
            case PhaseProgressed() if phase:
                self._phases[event.name] = replace(
                    phase, seconds=event.seconds, done=event.done, total=event.total, unit=event.unit
                )
                if event.unit == "bytes":
                    self._speed.note(event.done, event.total, now_s)
            case PhaseEnded() if phase:
                began_s = min(phase.began_s, max(0.0, now_s - self._began_s - event.seconds))
                self._phases[event.name] = replace(
                    phase,
                    state="done" if event.ok else "failed",
                    began_s=began_s,  # what one request did is told of when it is over
                    seconds=event.seconds,
                    detail=dict(event.detail),
                )
                self._speed = TransferSpeed()

    def view(self, result: PushOutcome, now_s: float) -> PushView:
        """How far it is."""
        return replace(
            self._view,
            **_figures(result),
            total_seconds=now_s - self._began_s,
            phases=self._ordered(),
            bytes_per_s=self._speed.bytes_per_s,
            left_s=self._speed.left_s,
        )

    def ended(
        self, result: PushOutcome | None, outcome: str, error: MuseError | None, ended_at: float, now_s: float
    ) -> PushView:
        """What came of it."""
        figures: Mapping[str, Any] = _figures(result) if result else {}
        return replace(
            self._view,
            **figures,
            result=outcome,
            ended_at=ended_at,
            total_seconds=result.total_seconds if result else now_s - self._began_s,
            phases=self._ordered(),
            error=trouble_of(error) if error else None,
        )

    def _ordered(self) -> tuple[PhaseView, ...]:
        return tuple(self._phases[name] for name in PHASES if name in self._phases)


def _figures(result: PushOutcome) -> dict[str, Any]:
    names = ("previous_head", "strategy", "push_id", "bundle_id", "commits", "snapshots", "objects")
    return {name: getattr(result, name) for name in (*names, "raw_bytes", "wire_bytes")}
