"""Running a phase: it starts, it progresses, it ends, and every second of it is on the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from museui.core.phases import PhaseEnded, PhaseEvent, PhaseName, PhaseProgressed, PhaseStarted

_EVERY_S = 0.05

Emit = Callable[[PhaseEvent], None]
Clock = Callable[[], float]


class Cancelled(Exception):
    """The work of a phase was called off."""


class Phase:
    """A phase that runs; ``detail`` is what its end will report."""

    def __init__(self, name: PhaseName, emit: Emit, clock: Clock) -> None:
        self.name: PhaseName = name
        self.detail: dict[str, Any] = {}
        self.began_s = clock()
        self._emit = emit
        self._clock = clock
        self._told_s = self.began_s
        self._cancelled = False
        emit(PhaseStarted(name))

    def cancel(self) -> None:
        """Make the next :meth:`check` or :meth:`progress` raise, which ends the work in its thread."""
        self._cancelled = True

    def check(self) -> None:
        """Raise :class:`Cancelled` after :meth:`cancel`."""
        if self._cancelled:
            raise Cancelled

    def progress(self, done: int, total: int | None, unit: Literal["bytes", "commits", "objects", "rounds"]) -> None:
        """Report how far it is; at most twenty times a second, so that calling it often costs nothing.

        Raises :class:`Cancelled` after :meth:`cancel`.
        """
        self.check()
        now_s = self._clock()
        if now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            self._emit(PhaseProgressed(self.name, now_s - self.began_s, done, total, unit))

    def end(self, ok: bool = True, seconds: float | None = None) -> PhaseEnded:
        """Report the end. ``seconds`` when the time was measured elsewhere (by the hub)."""
        ended = PhaseEnded(self.name, self._clock() - self.began_s if seconds is None else seconds, ok, self.detail)
        self._emit(ended)
        return ended


@contextmanager
def run_phase(name: PhaseName, emit: Emit, clock: Clock) -> Iterator[Phase]:
    """A phase around a block: it ends well when the block does, and not well when the block raises."""
    phase = Phase(name, emit, clock)
    try:
        yield phase
    except BaseException:
        phase.end(ok=False)
        raise
    phase.end()
