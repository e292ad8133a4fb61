"""What was: every push that is over, in the database and, the newest of them, on the board."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from museui.core.errors import NotFound
from museui.core.figures import render_count
from museui.local.messages import PushView
from museui.settings.config import repository_id

from ..board import Board
from ..queue.entry import Target
from ..store.database import Database
from .rows import (
    next_push_id,
    prune_pushes,
    read_figures,
    read_last_push,
    read_push,
    read_pushes,
    write_push,
)
from .usual_durations import figures_of, find_slower, summarise

_SHOWN = 50
_USUAL = 200
"""How many pushes of a repository make what is usual for it."""
logger = logging.getLogger("daemon.history")


class History:
    """The pushes that are over."""

    def __init__(self, database: Database, board: Board) -> None:
        self._database = database
        self._board = board

    async def open(self) -> int:
        """Show the newest; the number of the next push."""
        for push in reversed(await read_pushes(self._database, limit=_SHOWN)):
            self._board.put("history", str(push.id), push)
        return await next_push_id(self._database)

    async def add(self, push: PushView) -> None:
        """Keep a push. One that fails as the one before it did is counted there: a night offline is one line."""
        last = await read_last_push(self._database, Target(push.path, push.remote, push.branch))
        if last and last.error and push.error and last.error.code == push.error.code and last.head == push.head:
            push = replace(push, id=last.id, started_at=last.started_at, tries=last.tries + 1)
        if push.result == "done":
            earlier = await read_figures(self._database, push.path, _USUAL)
            push = replace(push, slower=find_slower(figures_of(push), earlier.get(push.path, [])))
        await write_push(self._database, push)
        self._board.put("history", str(push.id), push)

    async def read(self, path: str | None, before: int | None, limit: int) -> list[PushView]:
        """The newest pushes, newest first."""
        return await read_pushes(self._database, path=path, before=before, limit=limit)

    async def read_one(self, number: int) -> PushView:
        """The push with this number. Raises :class:`NotFound`."""
        push = await read_push(self._database, number)
        if push is None:
            raise NotFound(f"there is no push number {number}")
        return push

    async def usual(self, path: str | None) -> dict[str, Any]:
        """Medians and 95th percentiles: by the repository's name in the API."""
        figures = await read_figures(self._database, path, _USUAL if path else 20 * _USUAL)
        return {repository_id(item): summarise(pushes) for item, pushes in figures.items()}

    async def prune(self, oldest: float) -> None:
        """Forget what ended before ``oldest``."""
        if count := await prune_pushes(self._database, oldest):
            logger.info("%s forgotten: too old for the history", render_count(count, "push", "pushes"))
