"""Memory that long work has used and freed goes back to the system.

The C library keeps what was freed for its next use, in a heap of its own for each thread that ever worked; in a hub
that runs for months these heaps add up.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

LONG_WORK_BYTES = 16 << 20
"""Work over fewer bytes leaves too little behind to be worth a call."""


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None  # not the GNU C library


def give_back_memory() -> None:
    """Return freed memory to the system, where that can be asked for. Takes milliseconds: for worker threads."""
    trim = _trim()
    if trim is not None:
        trim(0)
