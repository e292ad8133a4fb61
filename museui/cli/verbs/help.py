"""``museui help``: the help of a verb."""

from __future__ import annotations

from ...edge.verbs import help_command as command

__all__ = ["command"]
