"""A push as five bars on one time axis, each phase compared with its time limit (gate)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from museui.core.figures import render_bytes, render_seconds
from museui.core.phases import GATES, PHASES
from museui.local.messages import PhaseView, PushView

from .status import Tone

_EIGHTHS = " ▏▎▍▌▋▊▉█"
TITLES: Mapping[str, str] = {name: name.replace("_", " ") for name in PHASES}


@dataclass(frozen=True, slots=True)
class PhaseBar:
    """One phase: ``lead`` blank cells, then ``bar``, then ``rest`` for the part that is still to come.

    ``figure`` is the phase's duration, ``gate`` its limit, ``usual`` its median; ``note`` is a further figure.
    """

    title: str
    tone: Tone
    lead: int
    bar: str
    figure: str
    gate: str
    symbol: str
    note: str
    usual: str
    rest: str = ""


def draw_push(
    push: PushView, width: int, now: float = 0.0, usual: Mapping[str, float] | None = None
) -> tuple[PhaseBar, ...]:
    """Return the five phases as bars of ``width`` cells. The axis ends with the push or the transfer's expected end."""
    phases = {phase.name: _up_to_now(phase, push, now) for phase in push.phases}
    ends_s = max((phase.began_s + phase.seconds for phase in phases.values()), default=0.0) + _left_s(push)
    scale = width / ends_s if ends_s > 0 else 0.0
    return tuple(
        replace(_bar(name, phases.get(name), scale, width, push), usual=_usual(name, usual or {})) for name in PHASES
    )


def _left_s(push: PushView) -> float:
    moves = bool(push.phases) and push.result == "running" and push.phases[-1].state == "running"
    return push.left_s or 0.0 if moves else 0.0


def _usual(name: str, usual: Mapping[str, float]) -> str:
    return f"usual {render_seconds(usual[name])}" if name in usual else ""


def _up_to_now(phase: PhaseView, push: PushView, now: float) -> PhaseView:
    if phase.state != "running":
        return phase
    if push.result != "running":
        return replace(phase, state="failed")
    return replace(phase, seconds=max(phase.seconds, now - push.started_at - phase.began_s))


def _bar(name: str, phase: PhaseView | None, scale: float, width: int, push: PushView) -> PhaseBar:
    gate = f"of {GATES[name]:g} s"  # type: ignore[index]
    if phase is None:
        return PhaseBar(TITLES[name], "quiet", 0, "", "", gate, "", "", "")
    lead = min(int(phase.began_s * scale), width - 1)
    cells = min(max(phase.seconds * scale, 1 / 8), width - lead)
    late = phase.seconds > phase.gate_seconds
    tone: Tone = (
        "bad" if phase.state == "failed" else "busy" if phase.state == "running" else "wait" if late else "good"
    )
    symbol = {"running": "◐", "failed": "✗"}.get(phase.state, "!" if late else "✓")
    figure, note = render_seconds(phase.seconds), _note(phase, push)
    moves = phase.state == "running" and _left_s(push) > 0
    bar = render_bar(round(cells) if moves else cells)
    rest = "░" * (width - lead - len(bar)) if moves else ""
    return PhaseBar(TITLES[name], tone, lead, bar, figure, gate, symbol, note, "", rest)


def render_bar(cells: float) -> str:
    """Return a bar of ``cells`` cells, rounded to an eighth of a cell."""
    whole, part = divmod(round(cells * 8), 8)
    return "█" * whole + (_EIGHTHS[part] if part else "")


def _note(phase: PhaseView, push: PushView) -> str:
    if phase.state == "running":
        return f"{100 * phase.done // phase.total} %" if phase.done is not None and phase.total else ""
    if phase.name == "pack" and push.wire_bytes and push.raw_bytes:
        return f"{push.raw_bytes / push.wire_bytes:.1f} : 1"
    if phase.name == "transfer" and push.wire_bytes and phase.state == "done":
        return "there already" if phase.detail.get("already_present") else render_bytes(push.wire_bytes)
    return ""


def render_progress(phase: PhaseView, push: PushView) -> str:
    """Return the progress of a running phase: amounts, rate and time left, as far as they are known."""
    if phase.done is None:
        return ""
    if phase.unit != "bytes":
        return f"{phase.done} {phase.unit}" if phase.total is None else f"{phase.done} / {phase.total} {phase.unit}"
    parts = [f"{render_bytes(phase.done)} / {render_bytes(phase.total)}" if phase.total else render_bytes(phase.done)]
    if push.bytes_per_s:
        parts.append(f"{render_bytes(push.bytes_per_s)}/s")
    if push.left_s is not None:
        parts.append(f"{render_left(push.left_s)} left")
    return "   ".join(parts)


def render_left(seconds: float) -> str:
    """Time left, no finer than it can be known: ``0.2 s``, ``14 s``, ``3 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
