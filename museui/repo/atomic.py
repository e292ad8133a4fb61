"""Writing a file so that a reader, or a power cut, sees the old one or the new one and nothing between.

Temporary file in the same folder, fsync, rename, fsync of the folder.  What an earlier process that was killed left
in that folder is cleared away on the same occasion.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from ..core.failpoints import failpoint
from .files import disk_error
from .temporary import new_name, sweep_folder

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def write_file(
    path: str,
    content: bytes,
    *,
    mode: int = 0o666,
    exact_mode: bool = False,
    sync: bool = True,
    sweep: bool = True,
) -> None:
    """Replace ``path`` by a file with ``content``; missing folders are made.

    ``mode`` is subject to the umask unless ``exact_mode``.  ``sync`` false leaves it to the system when the bytes
    reach the disk: for what can be had again.  ``sweep`` false: the folder was cleared a moment ago.
    Raises our errors, and then nothing has changed.
    """
    folder = os.path.dirname(path)
    temporary = f"{folder}/{new_name()}"
    try:
        make_folder(folder)
        handle = os.open(folder, _FOLDER)
    except OSError as exc:
        raise disk_error(exc, f"cannot write {path}") from exc
    try:
        if sweep:
            sweep_folder(handle)
        write_new_file(temporary, (content,), path, mode=mode, exact_mode=exact_mode, sync=sync)
        failpoint("atomic.before_rename")
        rename_file(temporary, path)
        if sync:
            os.fsync(handle)
    except OSError as exc:
        raise disk_error(exc, f"cannot write {path}") from exc
    finally:
        os.close(handle)


def replace_file(path: str, content: bytes, *, mode: int = 0o666) -> None:
    """As :func:`write_file`; a file that is there keeps its mode, and ``mode`` is for a new one."""
    try:
        former = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        write_file(path, content, mode=mode)
        return
    write_file(path, content, mode=former, exact_mode=True)


def write_new_file(
    temporary: str, pieces: Iterable[bytes], path: str, *, mode: int = 0o666, exact_mode: bool = False, sync: bool
) -> None:
    """Write ``temporary``, which is to become ``path``; it is gone again when ``pieces`` or the disk raises.

    Raises our errors about ``path`` for the disk's; what ``pieces`` raises passes through.
    """
    try:
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
        remove_file(temporary)
        raise


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


def rename_file(temporary: str, path: str) -> None:
    """Give ``temporary`` its name. Raises our errors; it is gone then."""
    try:
        os.replace(temporary, path)
    except OSError as exc:
        remove_file(temporary)
        raise disk_error(exc, f"cannot write {path}") from exc


def remove_file(path: str) -> None:
    """Remove a file if that can be done."""
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
    """Make sure the names in the folder ``path`` are on the disk. Raises our errors."""
    try:
        handle = os.open(path, _FOLDER)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as exc:
        raise disk_error(exc, f"cannot sync {path}") from exc
