"""How a push looks on a terminal: one moving line while it runs, five lines and a total when it is done."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from museui.core.phases import GATES, PHASES, TOTAL_GATE_S, PhaseEnded, PhaseEvent, PhaseProgressed, PhaseStarted
from museui.core.sizes import render_bytes

if TYPE_CHECKING:
    from museui.sync.result import PushResult

_MIB = 1 << 20
_WORDS = {
    "negotiate": "asking the hub what it has",
    "pack": "packing",
    "transfer": "sending",
    "index": "the hub verifies and records",
    "advance_ref": "moving the branch",
}


class PushProgress:
    """Shows phase events as one moving line on stderr when that is a terminal, else nothing. A context manager."""

    def __init__(self, quiet: bool) -> None:
        self._live = not quiet and sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> PushProgress:
        if self._live:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(24),
                TextColumn("{task.fields[figures]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._progress.stop()

    def show(self, event: PhaseEvent) -> None:
        """Show one event. May be called from any thread."""
        if not self._live:
            return
        match event:
            case PhaseStarted(name=name):
                self._task = self._progress.add_task(_WORDS[name], total=None, figures="")
            case PhaseProgressed():
                self._progress.update(
                    self._task, completed=event.done, total=event.total, figures=render_figures(event)
                )
            case PhaseEnded():
                self._progress.remove_task(self._task)


def render_figures(event: PhaseProgressed) -> str:
    """How far a phase is, its rate and the time left, as far as they are known."""
    if event.unit != "bytes":
        return f"{event.done} {event.unit}" if event.total is None else f"{event.done} of {event.total} {event.unit}"
    figures = f"{event.done / _MIB:.1f} of {(event.total or 0) / _MIB:.1f} MiB"
    if event.seconds > 0 and event.done and event.total:
        rate = event.done / event.seconds
        figures += f"  {rate / _MIB:.0f} MiB/s  {render_seconds((event.total - event.done) / rate)} left"
    return figures


def render_seconds(seconds: float) -> str:
    """``21 ms`` below a second, ``1.08 s`` above."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def render_result(result: PushResult) -> str:
    """The lines a person reads after a push."""
    where = f"{result.branch} → {result.url}"
    if result.up_to_date:
        return f"{where}: up to date ({result.head[:12]})"
    counts = f"{result.commits} commits, {result.snapshots} snapshots, {result.objects} objects"
    if result.dry_run:
        return f"{where}: would send {counts}"
    lines = [f"{where}: {result.head[:12]}"]
    for name in PHASES:
        ended = result.ended.get(name)
        if ended:
            mark = "✓" if ended.ok else "✗"
            note = _note(result, name)
            lines.append(f"  {name:<11}{render_seconds(ended.seconds):>8} of {GATES[name]:g} s {mark}  {note}".rstrip())
    lines.append(f"  {'total':<11}{render_seconds(result.total_seconds):>8} of {TOTAL_GATE_S:g} s")
    return "\n".join(lines)


def _note(result: PushResult, name: str) -> str:
    detail = result.ended[name].detail  # type: ignore[index]
    if name == "pack":
        counts = f"{result.commits} commits, {result.objects} objects"
        if detail.get("reused"):
            return f"{counts}, kept from an earlier try"
        ratio = result.raw_bytes / result.wire_bytes if result.wire_bytes else 1.0
        return f"{counts}, {render_bytes(result.raw_bytes)}, {ratio:.1f}:1"
    if name == "transfer":
        if detail.get("already_present"):
            return "had arrived already"
        return render_bytes(result.wire_bytes)
    return ""
