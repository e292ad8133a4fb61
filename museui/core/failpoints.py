"""Named places where a test makes the process die, as a power cut would, or sends it a signal.

A program arms one at its start (``MUSEUI_FAILPOINT=name``, or ``name:3`` to die when it comes by for the third time,
or ``name:3:SIGINT`` to be interrupted then; read by the programs' entry points); nothing is armed otherwise and a place
costs one comparison.
"""

from __future__ import annotations

import os
import signal

ENVIRONMENT = "MUSEUI_FAILPOINT"
_armed = ""
_times_left = 1
_signal = signal.SIGKILL


def arm(name: str) -> None:
    """Have the process send itself a signal at a place: ``name``, ``name:times`` or ``name:times:SIGNAL`` (SIGKILL)."""
    global _armed, _times_left, _signal
    _armed, times, number = [*name.split(":"), "", ""][:3]
    _times_left, _signal = int(times or 1), signal.Signals[number or "SIGKILL"]


def failpoint(name: str) -> None:
    """A place called ``name``: returns at once, or is where the signal comes when that name is armed."""
    global _times_left
    if _armed == name:
        _times_left -= 1
        if _times_left == 0:
            os.kill(os.getpid(), _signal)
