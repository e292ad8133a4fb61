"""Where a verb runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Context:
    """``click.Context.obj`` of every verb: the folder the command runs in (``-C``, else the present one)."""

    cwd: Path

    def path(self, argument: str | Path | None) -> Path:
        """A path given on the command line, seen from that folder, which it is when none was given."""
        return self.cwd / (argument or "")
