"""One writer at a time among MuseUI's own processes.

The lock is on the ``.muse`` folder itself and is the kernel's: nothing is left behind by a process that dies, and
the Muse client, which knows nothing of it, is not disturbed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..core.errors import Busy, MuseError
from .files import disk_error

_POLL_S = 0.02


@contextmanager
def hold_lock(folder: str, wait_s: float = 10.0) -> Iterator[None]:
    """Hold the lock on ``folder`` for the block. Raises :class:`Busy` when another process keeps it ``wait_s``."""
    import fcntl

    with _locked(folder, fcntl.LOCK_EX, wait_s):
        yield


def wait_for_writers(folder: str, wait_s: float) -> None:
    """Return once no other process holds the lock on ``folder``, or after ``wait_s``."""
    import fcntl

    with suppress(MuseError), _locked(folder, fcntl.LOCK_SH, wait_s):
        pass


@contextmanager
def _locked(folder: str, kind: int, wait_s: float) -> Iterator[None]:
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise disk_error(exc, f"cannot open {folder}") from exc
    try:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Busy(f"another museui process is writing in {folder}", hint="Try again.") from None
                time.sleep(_POLL_S)
            except OSError as exc:
                raise disk_error(exc, f"cannot lock {folder}") from exc
        yield
    finally:
        os.close(descriptor)
