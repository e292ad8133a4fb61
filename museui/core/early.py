"""A Ctrl-C before a program can speak for itself: while it is still importing, one line and an end."""

from __future__ import annotations

import os
import signal
from types import FrameType

_EXIT_INTERRUPTED = 130


def end_on_interrupt() -> None:
    """Have SIGINT end this process with one line, until its program takes the signal over by another handler."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_on_interrupt() -> None:
    """Have SIGINT raise :class:`KeyboardInterrupt` again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"error: interrupted\n")
    os._exit(_EXIT_INTERRUPTED)
