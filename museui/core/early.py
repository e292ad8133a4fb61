"""Ctrl-C while a program is still being imported: one line, or one JSON document, and the end of the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from types import FrameType

_EXIT_INTERRUPTED = 130
_DOCUMENT = (
    b'{"ok": false, "error": {"code": "interrupted", "message": "interrupted", "hint": "", "retryable": false, '
    b'"details": {}}}\n'
)
"""The JSON document of :class:`museui.core.errors.Interrupted`, which is not imported yet."""

_as_json = False


def wants_json(arguments: Sequence[str]) -> bool:
    """Return whether a command line has the option ``--json``: what comes after ``--`` is no option."""
    return "--json" in (arguments[: arguments.index("--")] if "--" in arguments else arguments)


def end_on_interrupt(arguments: Sequence[str] = ()) -> None:
    """Have SIGINT print an error, as ``arguments`` ask for it, and end this process, until the program takes over."""
    global _as_json
    _as_json = wants_json(arguments)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_on_interrupt() -> None:
    """Have SIGINT raise :class:`KeyboardInterrupt` again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    if _as_json:
        os.write(1, _DOCUMENT)
    else:
        os.write(2, b"error: interrupted\n")
    os._exit(_EXIT_INTERRUPTED)
