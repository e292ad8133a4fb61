"""What moves on a terminal: one line while a push or a fetch runs; five lines and a total when a push is done."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from museui.core.figures import render_bytes, render_count, render_seconds
from museui.core.phases import TOTAL_GATE_S, PhaseEnded, PhaseEvent, PhaseProgressed, PhaseStarted

_MIB = 1 << 20
_WORDS = {
    "negotiate": "asking the hub what it has",
    "pack": "packing",
    "transfer": "sending",
    "index": "the hub verifies and records",
    "advance_ref": "moving the branch",
}


class _Line:
    """One moving line on stderr when that is a terminal, else nothing. A context manager."""

    def __init__(self, quiet: bool) -> None:
        self._live = not quiet and sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
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


class PushProgress(_Line):
    """The phase a push is in, and how far."""

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


class FetchProgress(_Line):
    """How much of a fetch has come."""

    def show(self, received_bytes: int) -> None:
        """Show that this many bytes have come so far."""
        if not self._live:
            return
        if self._task is None:
            self._task = self._progress.add_task("receiving and checking", total=None, figures="")
        self._progress.update(self._task, figures=render_bytes(received_bytes))


def render_figures(event: PhaseProgressed) -> str:
    """How far a phase is, its rate and the time left, as far as they are known."""
    if event.unit != "bytes":
        return f"{event.done} {event.unit}" if event.total is None else f"{event.done} of {event.total} {event.unit}"
    figures = f"{event.done / _MIB:.1f} of {(event.total or 0) / _MIB:.1f} MiB"
    if event.seconds > 0 and event.done and event.total:
        rate = event.done / event.seconds
        figures += f"  {rate / _MIB:.0f} MiB/s  {render_seconds((event.total - event.done) / rate)} left"
    return figures


def render_result(document: Mapping[str, Any]) -> str:
    """The lines a person reads after a push, from its document."""
    where = f"{document['branch']} → {document['url']}"
    head = document["head"].removeprefix("sha256:")[:12]
    if document["up_to_date"]:
        return f"{where}: up to date ({head})"
    counts = _render_counts(document, "commit", "snapshot", "object")
    if document["dry_run"]:
        return f"{where}: would send {counts}"
    lines = [f"{where}: {head}"]
    for phase in document["phases"]:
        name, late = phase["name"], phase["seconds"] > phase["gate_seconds"]
        mark = "✗" if not phase["ok"] else "!" if late else "✓"
        figures = f"{render_seconds(phase['seconds']):>8} of {phase['gate_seconds']:g} s {mark}"
        lines.append(f"  {name:<11}{figures}  {_note(document, phase)}".rstrip())
    lines.append(f"  {'total':<11}{render_seconds(document['total_seconds']):>8} of {TOTAL_GATE_S:g} s")
    return "\n".join(lines)


def _render_counts(document: Mapping[str, Any], *nouns: str) -> str:
    return ", ".join(render_count(document[f"{noun}s"], noun) for noun in nouns)


def _note(document: Mapping[str, Any], phase: Mapping[str, Any]) -> str:
    raw, wire = document["raw_bytes"], document["wire_bytes"]
    if phase["name"] == "pack":
        counts = _render_counts(document, "commit", "object")
        if phase["detail"].get("reused"):
            return f"{counts}, kept from an earlier try"
        return f"{counts}, {render_bytes(raw)}, {raw / wire if wire else 1.0:.1f}:1"
    if phase["name"] == "transfer":
        return "had arrived already" if phase["detail"].get("already_present") else render_bytes(wire)
    return ""
