"""Async work of a verb: a signal calls it off, and what is half done is cleared away before the verb ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from ..core.errors import EXIT_INTERRUPTED

T = TypeVar("T")
Line = TypeVar("Line", bound=AbstractAsyncContextManager[Any])
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Threads(ThreadPoolExecutor):
    """Threads whose end is waited for, unless a person wants to leave: one may wait for an answer for long."""

    hurry = False

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait and not self.hurry, cancel_futures=cancel_futures)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns. SIGINT, SIGTERM and SIGHUP cancel it; a second one ends the process at once.

    Raises :class:`KeyboardInterrupt` for work that a signal ended; what had been whole by then is returned.
    """
    with asyncio.Runner() as runner:
        loop, threads = runner.get_loop(), _Threads()
        loop.set_default_executor(threads)

        async def watched() -> T:
            task = asyncio.current_task()
            assert task

            def call_off() -> None:
                if threads.hurry:
                    os._exit(EXIT_INTERRUPTED)
                threads.hurry = True
                # What is called off may fail in many ways, of which nobody needs to hear.
                loop.set_exception_handler(lambda loop, context: None)
                task.cancel()

            with _handled(loop, call_off):
                try:
                    return await work
                except asyncio.CancelledError:
                    if threads.hurry:
                        raise KeyboardInterrupt from None
                    raise

        return runner.run(watched())


@contextmanager
def _handled(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> Iterator[None]:
    """Have ``act`` called for signals, but for those that whoever started us has had ignored."""
    former = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in former.items():
        if handler is not signal.SIG_IGN:
            loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number, handler in former.items():
            if handler is not signal.SIG_IGN:
                loop.remove_signal_handler(number)
                signal.signal(number, handler)


async def with_line(line: Line, work: Callable[[Line], Awaitable[T]]) -> T:
    """Return what ``work`` returns, ``line`` closed; a signal that comes while it is being closed comes too late."""
    done: list[T] = []
    try:
        async with line:
            done.append(await work(line))
    except asyncio.CancelledError:
        if not done:
            raise
    return done[0]
