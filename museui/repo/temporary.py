"""Names of temporary files, which say whose they are; so that what a killed process left behind can be cleared away.

A name holds the machine and the process that made it.  Only a process that is gone from this very machine has its
files removed: another machine's, or another container's, may still be at work.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from functools import cache

PREFIX = ".museui-"
SUFFIX = ".tmp"


def new_name() -> str:
    """A name nobody else uses, that no branch, record or object can have."""
    return f"{PREFIX}{_machine()}-{os.getpid()}-{os.urandom(6).hex()}{SUFFIX}"


def is_temporary(name: str) -> bool:
    """Whether ``name`` is one of ours."""
    return name.startswith(PREFIX) and name.endswith(SUFFIX)


@cache
def _machine() -> str:
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


def sweep_folder(folder: int) -> None:
    """Remove from an open folder the temporary files and folders of processes that are gone.

    Never fails: what cannot be removed stays.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if is_temporary(name) and _is_left_behind(name):
                _remove(name, folder)


def sweep_path(path: str) -> None:
    """Do :func:`sweep_folder` with the folder ``path``. Never fails."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sweep_folder(handle)
        finally:
            os.close(handle)


def _is_left_behind(name: str) -> bool:
    machine, _, rest = name[len(PREFIX) :].partition("-")
    process, _, _ = rest.partition("-")
    if machine != _machine() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except (IsADirectoryError, PermissionError):
        import shutil

        shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
