"""Named places where a test makes the process die, as a power cut would.

A program arms one at its start (``MUSEUI_FAILPOINT=name``, read by the programs' entry points); nothing is armed
otherwise and a place costs one comparison.
"""

from __future__ import annotations

import os
import signal

ENVIRONMENT = "MUSEUI_FAILPOINT"
_armed = ""


def arm(name: str) -> None:
    """Make the process kill itself with SIGKILL when it reaches the place called ``name``."""
    global _armed
    _armed = name


def failpoint(name: str) -> None:
    """A place called ``name``: returns at once, or never when that name is armed."""
    if _armed == name:
        os.kill(os.getpid(), signal.SIGKILL)
