"""Work in a thread that can be called off: nobody goes on before the thread has ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from museui.core.errors import Interrupted

T = TypeVar("T")

Stopped = Callable[[], bool]
"""Whether the work has been called off; it then raises :class:`Interrupted` where that leaves nothing half done."""


async def run_stoppable(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Return what ``work`` returns. Cancelled, it calls ``stop`` and waits until the thread has ended."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # what ended it is of no interest
        raise


async def run_whole(work: Callable[[Stopped], T]) -> T:
    """Return what ``work`` returns, also when it was cancelled too late to stop: what is whole is not called off."""
    stopped = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(work, stopped.is_set))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait([task])
        try:
            result = task.result()
        except Interrupted:
            raise asyncio.CancelledError from None
        if current := asyncio.current_task():
            current.uncancel()
        return result
