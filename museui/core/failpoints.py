"""Named places where a test makes the process die, as a power cut would.

A program arms one at its start (``MUSEUI_FAILPOINT=name``, or ``name:3`` to die when it comes by for the third time;
read by the programs' entry points); nothing is armed otherwise and a place costs one comparison.
"""

from __future__ import annotations

import os
import signal

ENVIRONMENT = "MUSEUI_FAILPOINT"
_armed = ""
_times_left = 1


def arm(name: str) -> None:
    """Make the process kill itself with SIGKILL when it reaches the place called ``name``, or ``name:times``."""
    global _armed, _times_left
    _armed, _, times = name.partition(":")
    _times_left = int(times or 1)


def failpoint(name: str) -> None:
    """A place called ``name``: returns at once, or never when that name is armed."""
    global _times_left
    if _armed == name:
        _times_left -= 1
        if _times_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
