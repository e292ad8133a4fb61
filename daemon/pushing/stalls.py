"""Transfers in which nothing moves any more: a line that is gone without a word is noticed, and the push cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from museui.core.errors import Unreachable

from .pusher import Pusher
from .running_push import RunningPush

logger = logging.getLogger("daemon.stalls")


def find_stalled(running: Iterable[RunningPush], limit_s: float, now_s: float) -> list[RunningPush]:
    """Those whose transfer has not moved for ``limit_s``. What a hub works at (index) moves nothing and is no stall."""
    return [push for push in running if push.transferring and now_s - push.moved_s >= limit_s]


class Stalls:
    """Cuts pushes off that stand still for ``limit_s``; they are tried again. :meth:`run` never ends by itself."""

    def __init__(self, pusher: Pusher, limit_s: float, clock: Callable[[], float]) -> None:
        self.limit_s = limit_s
        self._pusher = pusher
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(min(5.0, self.limit_s / 4))
            self.look()

    def look(self) -> None:
        """Cut off what stands still now."""
        for push in find_stalled(self._pusher.running(), self.limit_s, self._clock()):
            error = Unreachable(
                f"nothing has moved for {self.limit_s:g} seconds: the line stands still",
                hint="It is tried again by itself, and goes on where it was.",
            )
            logger.warning("%s: %s", push.target.repository, error.message)
            self._pusher.cut(push.target, error)
