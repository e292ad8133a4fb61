"""Errors that nobody foresaw, at the places where the daemon must go on: they are named and logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from museui.core.errors import Internal, MuseError
from museui.core.system import error_from_system
from museui.hub.retry import RetryPolicy

_AGAIN = RetryPolicy(tries=0, base_s=1.0, cap_s=60.0)
_CALM_S = 120.0
"""Seconds that a part must run before its earlier failures no longer count."""


def name_error(exc: Exception, doing: str, logger: logging.Logger) -> MuseError:
    """Return ``exc`` as one of our errors; must be called where it is handled.

    What the system refuses (a disk without room, too many open files) passes, so it is no fault of the program. Only
    what nobody foresaw is logged, with its traceback: that ``doing`` failed.
    """
    if isinstance(exc, MuseError):
        return exc
    if isinstance(exc, OSError) and (refusal := error_from_system(exc)):
        return refusal
    logger.exception("%s failed in a way that was not foreseen", doing)
    return Internal(f"this should not have happened: {type(exc).__name__}: {exc}"[:500])


async def keep_running(
    name: str,
    run: Callable[[], Awaitable[None]],
    troubled: Callable[[str, MuseError | None], None],
    logger: logging.Logger,
) -> None:
    """Run a part of the daemon until cancelled: one that fails is begun anew, and the others hear nothing of it.

    ``troubled`` hears under ``name`` why it failed, and ``None`` when it has gone on for a while.
    """
    failures = 0
    while True:
        calm = asyncio.get_running_loop().call_later(_CALM_S, troubled, name, None) if failures else None
        try:
            await run()
        except Exception as exc:
            troubled(name, name_error(exc, name, logger))
        if calm and calm.when() <= asyncio.get_running_loop().time():
            failures = 0
        if calm:
            calm.cancel()
        failures = min(failures + 1, 32)
        await asyncio.sleep(_AGAIN.delay_s(failures, lambda: 1.0))
