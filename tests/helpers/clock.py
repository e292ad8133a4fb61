"""The clock of a machine, for processes of tests: put forward and back while they run."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.hub import ROOT


class MachineClock:
    """Processes that are started with ``variables`` have the time of day that :meth:`move` says; it is kept in a file.

    In them ``time.time`` is another function. A real machine's clock is not for tests to set, and what Linux can give a
    process of its own are only the clocks that nobody sets.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ahead_s"
        self.move(0.0)
        self.variables = {
            "PYTHONPATH": f"{Path(__file__).parent / 'moved_clock'}:{ROOT}",
            "TEST_CLOCK_AHEAD_S": str(self._file),
        }

    def move(self, ahead_s: float) -> None:
        """Have it so many seconds ahead of the real one."""
        partial = self._file.with_suffix(".new")
        partial.write_text(str(ahead_s))
        partial.rename(self._file)
