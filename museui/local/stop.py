"""Stopping the daemon that runs."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from ..core.errors import Busy
from .client import LocalClient, NoDaemon
from .places import find_places

_STOP_S = 20.0
_POLL_S = 0.02


def stop_daemon() -> bool:
    """Have the daemon end and wait until it has; whether one ran. Raises :class:`Busy` when that takes too long.

    One whose socket is gone listens anew within seconds, which is waited for.
    """
    lock, deadline, pid = find_places().lock, time.monotonic() + _STOP_S, 0
    while _is_held(lock):
        if not pid:
            with suppress(NoDaemon):
                pid = int(LocalClient().post("stop")["pid"])
        if time.monotonic() > deadline:
            raise Busy("the daemon has not stopped yet", hint=f"Wait, or: kill -9 {pid}" if pid else "Try again.")
        time.sleep(_POLL_S)
    return pid != 0


def _is_held(path: Path) -> bool:
    """Whether a daemon holds its lock: it does until the last of it is done, whoever waits for its process."""
    import fcntl

    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
