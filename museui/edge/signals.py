"""Signals of a person or the system to a command that is all but done."""

from __future__ import annotations

import signal


def ignore_signals() -> None:
    """Have what a person sends from now on change nothing: what there was to do is done, or is this very moment."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
