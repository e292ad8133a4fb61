"""Runs the hub's background jobs: takes them from the ``jobs`` table, one at a time, for as long as the hub runs."""

from __future__ import annotations

from typing import Any


class JobRunner:
    """The one worker of this process."""

    def __init__(self, state: Any) -> None:
        self._state = state

    async def start(self) -> None:
        """Begin to work."""

    async def stop(self) -> None:
        """Stop after the step under way."""
