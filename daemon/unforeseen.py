"""What is nobody's error, at the places where the daemon must go on: it is named, and logged when nobody foresaw it."""

from __future__ import annotations

import logging

from museui.core.errors import Internal, MuseError
from museui.core.system import error_from_system


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
