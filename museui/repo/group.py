"""Many new files written as one lot: in a folder of their own first, synced side by side, then named.

One fsync after the other makes five thousand objects take seconds; sixteen at a time, the disk joins them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable
from types import TracebackType

from ..core.failpoints import failpoint
from .atomic import remove_file, rename_file, sync_folder, write_new_file
from .files import disk_error
from .temporary import new_name, sweep_folder

_GROUP_FILES = 2048
_SYNC_THREADS = 16


class FileGroup:
    """Files that are under their own names, and on the disk, when the ``with`` block ends.

    Leaving the block with an exception leaves the files of the present lot (up to 2,048) unwritten.
    """

    def __init__(self, folder: str) -> None:
        """``folder`` is on the same file system as all the files; a temporary folder is made in it."""
        self._folder = folder
        self._scratch = ""
        self._pending: dict[str, str] = {}
        self._count = 0

    def __enter__(self) -> FileGroup:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._discard()

    def __contains__(self, path: str) -> bool:
        """Whether ``path`` was added and is not yet under its name."""
        return path in self._pending

    def add(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write a file that will be ``path``. Raises what ``pieces`` raises, and our errors of the disk."""
        if not self._scratch:
            self._scratch = make_scratch(self._folder)
        self._count += 1
        temporary = f"{self._scratch}/{self._count}"
        write_new_file(temporary, pieces, path, sync=False)
        if path in self._pending:
            remove_file(self._pending[path])
        self._pending[path] = temporary
        if len(self._pending) >= _GROUP_FILES:
            self.flush()

    def flush(self) -> None:
        """Sync what was added and give it its names, in the order it was added."""
        if not self._pending:
            return
        side_by_side(sync_file, self._pending.values())
        failpoint("group.synced")
        changed: set[str] = set()
        for path in list(self._pending):
            folder = os.path.dirname(path)
            if folder not in changed:
                changed.add(folder)
                changed.update(_make_missing(folder))
            rename_file(self._pending.pop(path), path)
        side_by_side(sync_folder, changed)

    def _discard(self) -> None:
        while self._pending:
            remove_file(self._pending.popitem()[1])
        if self._scratch:
            with contextlib.suppress(OSError):
                os.rmdir(self._scratch)
            self._scratch = ""


def make_scratch(folder: str) -> str:
    """Make a temporary folder in ``folder``; what processes that are gone left there is removed. Raises our errors."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sweep_folder(handle)
            name = new_name()
            os.mkdir(name, dir_fd=handle)
        finally:
            os.close(handle)
    except OSError as exc:
        raise disk_error(exc, f"cannot write in {folder}") from exc
    return f"{folder}/{name}"


def _make_missing(folder: str) -> list[str]:
    """Make ``folder`` and what is missing above it; returns the folders that have a new name in them."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        return []
    except FileNotFoundError:
        parent = os.path.dirname(folder)
        return [*_make_missing(parent), *_make_missing(folder)]
    except OSError as exc:
        raise disk_error(exc, f"cannot make {folder}") from exc
    return [os.path.dirname(folder)]


def sync_file(path: str) -> None:
    """Make sure the bytes of the file ``path`` are on the disk. Raises our errors."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise disk_error(exc, f"cannot sync {path}") from exc


def side_by_side(action: Callable[[str], None], paths: Collection[str]) -> None:
    """Do ``action`` with each of ``paths``, several at a time. Raises what the first that fails raises."""
    if len(paths) <= 1:
        for path in paths:
            action(path)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_SYNC_THREADS, len(paths))) as threads:
        for _ in threads.map(action, paths):
            pass
