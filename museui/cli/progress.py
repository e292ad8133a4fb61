"""How a push looks on a terminal: one moving line while it runs, five lines and a total when it is done."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from museui.core.phases import GATES, PHASES, TOTAL_GATE_S, PhaseEnded, PhaseEvent, PhaseProgressed, PhaseStarted

if TYPE_CHECKING:
    from museui.sync.result import PushResult

_WORDS = {
    "negotiate": "asking the hub what it has",
    "pack": "packing",
    "transfer": "transferring",
    "index": "the hub verifies and records",
    "advance_ref": "moving the branch",
}


class PushProgress:
    """Shows phase events on stderr when that is a terminal, else nothing. A context manager."""

    def __init__(self, quiet: bool) -> None:
        self._live = not quiet and sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> PushProgress:
        if self._live:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
            from rich.progress import TransferSpeedColumn as Speed

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(binary_units=True),
                Speed(),
                TimeRemainingColumn(compact=True),
                console=Console(stderr=True),
                transient=True,
            )
            self._counted = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} {task.fields[unit]}"),
                console=Console(stderr=True),
                transient=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._stop()

    def _stop(self) -> None:
        for progress in (self._progress, self._counted):
            if progress.live.is_started:
                progress.stop()
            for task in list(progress.task_ids):
                progress.remove_task(task)

    def show(self, event: PhaseEvent) -> None:
        """Show one event. May be called from any thread."""
        if not self._live:
            return
        match event:
            case PhaseStarted(name=name):
                self._stop()
                bars = self._progress if name == "transfer" else self._counted
                self._task = bars.add_task(_WORDS[name], total=None, unit="")
                bars.start()
            case PhaseProgressed(name=name, done=done, total=total, unit=unit):
                bars = self._progress if name == "transfer" else self._counted
                bars.update(self._task, completed=done, total=total, unit=unit)
            case PhaseEnded():
                self._stop()


def render_bytes(size: float) -> str:
    """``47.0 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


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
            lines.append(
                f"  {name:<12}{render_seconds(ended.seconds):>9}  of {GATES[name]:g} s  {mark}  {note}".rstrip()
            )
    lines.append(f"  {'total':<12}{render_seconds(result.total_seconds):>9}  of {TOTAL_GATE_S:g} s")
    return "\n".join(lines)


def _note(result: PushResult, name: str) -> str:
    detail = result.ended[name].detail  # type: ignore[index]
    if name == "pack":
        counts = f"{result.commits} commits, {result.objects} objects"
        if detail.get("reused"):
            return f"{counts}, kept from an earlier try"
        ratio = result.raw_bytes / result.wire_bytes if result.wire_bytes else 1.0
        return f"{counts}, {render_bytes(result.raw_bytes)}, {ratio:.1f} : 1"
    if name == "transfer":
        if detail.get("already_present"):
            return "had arrived already"
        return render_bytes(result.wire_bytes)
    return ""
