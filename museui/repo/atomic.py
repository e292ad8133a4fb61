"""Writing files so that a reader, or a power cut, sees the old one or the new one and nothing between.

Temporary file in the same folder, fsync, rename, fsync of the folder.  A :class:`FileGroup` does that for many files
at once: the fsyncs run side by side, which is what makes five thousand objects take a moment instead of a minute.
"""

# Plain strings, not pathlib: a push comes this way once for every object.
# ruff: noqa: PTH102, PTH105, PTH108, PTH112, PTH120

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable
from types import TracebackType

from ..core.failpoints import failpoint
from .files import disk_error

TEMPORARY_PREFIX = ".museui-"
TEMPORARY_SUFFIX = ".tmp"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_GROUP_FILES = 2048
_SYNC_THREADS = 16


def write_file(path: str, content: bytes, *, mode: int = 0o666, exact_mode: bool = False, sync: bool = True) -> None:
    """Replace ``path`` by a file with ``content``; missing folders are made.

    ``mode`` is subject to the umask unless ``exact_mode``.  ``sync`` false leaves it to the system when the bytes
    reach the disk: for what can be had again.  Raises our errors, and then nothing has changed.
    """
    temporary = _write_temporary(path, (content,), mode, sync, exact_mode)
    failpoint("atomic.before_rename")
    _rename(temporary, path)
    if sync:
        sync_folder(os.path.dirname(path))


def is_temporary(name: str) -> bool:
    """Whether a file of this name is a temporary one of ours, left behind by a process that was killed."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def _write_temporary(path: str, pieces: Iterable[bytes], mode: int, sync: bool, exact_mode: bool = False) -> str:
    """Write a temporary file beside ``path``; gone again when ``pieces`` raises. Returns its name."""
    folder = os.path.dirname(path)
    temporary = f"{folder}/{TEMPORARY_PREFIX}{os.urandom(8).hex()}{TEMPORARY_SUFFIX}"
    try:
        try:
            descriptor = os.open(temporary, _CREATE, mode)
        except FileNotFoundError:
            make_folder(folder)
            descriptor = os.open(temporary, _CREATE, mode)
    except OSError as exc:
        raise disk_error(exc, f"cannot write {path}") from exc
    try:
        try:
            for piece in pieces:
                _write_piece(descriptor, piece, path)
            _finish(descriptor, path, mode if exact_mode else None, sync)
        finally:
            os.close(descriptor)
    except BaseException:
        _remove(temporary)
        raise
    return temporary


def _write_piece(descriptor: int, piece: bytes, path: str) -> None:
    view = memoryview(piece)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as exc:
        raise disk_error(exc, f"cannot write {path}") from exc


def _finish(descriptor: int, path: str, mode: int | None, sync: bool) -> None:
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        if sync:
            os.fsync(descriptor)
    except OSError as exc:
        raise disk_error(exc, f"cannot write {path}") from exc


def _rename(temporary: str, path: str) -> None:
    try:
        os.replace(temporary, path)
    except OSError as exc:
        _remove(temporary)
        raise disk_error(exc, f"cannot write {path}") from exc


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def make_folder(path: str) -> None:
    """Make the folder ``path`` and what is missing above it, each known to the disk. Raises :class:`OSError`."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent and parent != path:
        make_folder(parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
    sync_folder(parent or ".")


def sync_folder(path: str) -> None:
    """Make sure the names in the folder ``path`` are on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise disk_error(exc, f"cannot open {path}") from exc
    try:
        os.fsync(descriptor)
    except OSError as exc:
        raise disk_error(exc, f"cannot sync {path}") from exc
    finally:
        os.close(descriptor)


def _sync_file(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise disk_error(exc, f"cannot sync {path}") from exc


def _side_by_side(action: Callable[[str], None], paths: Collection[str]) -> None:
    if len(paths) <= 1:
        for path in paths:
            action(path)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_SYNC_THREADS, len(paths))) as threads:
        for _ in threads.map(action, paths):
            pass


class FileGroup:
    """Many files written as one lot; under their own names, and on the disk, when the ``with`` block ends.

    Leaving the block with an exception leaves the files of the present lot (up to 2,048) unwritten.
    """

    def __init__(self) -> None:
        self._pending: dict[str, str] = {}

    def __enter__(self) -> FileGroup:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.flush()
        else:
            self._discard()

    def __contains__(self, path: str) -> bool:
        """Whether ``path`` was added and is not yet under its name."""
        return path in self._pending

    def add(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write a file that will be ``path``. Raises what ``pieces`` raises, and our errors of the disk."""
        if path in self._pending:
            _remove(self._pending.pop(path))
        self._pending[path] = _write_temporary(path, pieces, 0o666, sync=False)
        if len(self._pending) >= _GROUP_FILES:
            self.flush()

    def flush(self) -> None:
        """Sync what was added and give it its names, in the order it was added."""
        folders: set[str] = set()
        try:
            _side_by_side(_sync_file, self._pending.values())
            failpoint("atomic.group_synced")
            for path in list(self._pending):
                folders.add(os.path.dirname(path))
                _rename(self._pending.pop(path), path)
        except BaseException:
            self._discard()
            raise
        _side_by_side(sync_folder, folders)

    def _discard(self) -> None:
        while self._pending:
            _remove(self._pending.popitem()[1])
