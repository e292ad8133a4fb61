"""What stands in a work tree, reached through handles of folders that were opened without following links.

So no link in the work tree can lead a read or a write elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .files import disk_error
from .temporary import new_name

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PIECE_BYTES = 1 << 20
_MAX_FOLDERS = 256


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path. ``content``: its id; ``None`` for nothing, an empty one for what is not a plain file."""

    content: str | None
    stamp: tuple[int, ...] | None = None
    mode: int | None = None


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """Return what differs when a file was written or replaced."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def open_root(root: str) -> int:
    """Return a handle of the folder ``root``. Raises our errors."""
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise disk_error(exc, f"cannot open the work tree {root}") from exc


def look_at(root: int, path: str, removed: Set[str]) -> Found:
    """Return what stands at ``path``. What will be gone once ``removed`` are removed counts as nothing."""
    try:
        with parent(root, path, make=False) as (folder, name):
            descriptor = os.open(name, READ, dir_fd=folder)
    except FileNotFoundError:
        return Found(None)
    except OSError:
        return Found(None if any(above in removed for above in folders_above(path)) else "")
    digest = hashlib.sha256()
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            return Found(None if _holds_only(descriptor, path, removed) else "")
        if not stat.S_ISREG(status.st_mode):
            return Found("")
        while piece := os.read(descriptor, PIECE_BYTES):
            digest.update(piece)
    except OSError:
        return Found("")
    finally:
        os.close(descriptor)
    return Found(digest.hexdigest(), stamp_of(status), stat.S_IMODE(status.st_mode))


def folders_above(path: str) -> Iterator[str]:
    """Yield the folders above ``path``, the root, which is empty, last."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _holds_only(folder: int, path: str, files: Set[str]) -> bool:
    """Whether an open folder, which is at ``path``, holds nothing but ``files`` and folders of them."""
    if path.count("/") > _MAX_FOLDERS:
        return False
    for name in os.listdir(folder):
        below = f"{path}/{name}"
        if below in files:
            continue
        try:
            handle = os.open(name, FOLDER, dir_fd=folder)
        except OSError:
            return False
        try:
            if not _holds_only(handle, below, files):
                return False
        finally:
            os.close(handle)
    return True


@contextmanager
def parent(root: int, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
    """Yield the folder that ``path`` is in, opened step by step without following a link, and the last name.

    ``make``: folders that are not there are made.
    """
    *folders, name = path.split("/")
    handle = os.dup(root)
    try:
        for folder in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=handle)
            below = os.open(folder, FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle, name
    finally:
        os.close(handle)


def remove_empty(name: str, folder: int) -> None:
    """Remove the folder ``name`` and the empty ones in it. Raises :class:`OSError` when there is a file in one."""
    handle = os.open(name, FOLDER, dir_fd=folder)
    try:
        for below in os.listdir(handle):
            remove_empty(below, handle)
    finally:
        os.close(handle)
    os.rmdir(name, dir_fd=folder)


def remove(root: int, path: str) -> None:
    """Remove a file, and the folders above it that are empty then. Raises :class:`OSError` when the file stays."""
    with suppress(FileNotFoundError), parent(root, path, make=False) as (folder, name):
        os.unlink(name, dir_fd=folder)
    for above in folders_above(path):
        if not above:
            return
        try:
            with parent(root, above, make=False) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except FileNotFoundError:
            continue
        except OSError:
            return


def fold_name(name: str) -> str:
    """Return what is the same for names that some file systems take for one."""
    return unicodedata.normalize("NFC", name).casefold()


def find_collision(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that differ only in case or Unicode form, which some file systems take for one."""
    seen: dict[str, str] = {}
    for path in paths:
        other = seen.setdefault(fold_name(path), path)
        if other != path:
            return other, path
    return None


def tells_case_apart(root: int) -> bool:
    """Whether the file system of the open folder ``root`` takes names in upper and lower case for two."""
    probe = new_name().replace(".tmp", "-a.tmp")
    os.close(os.open(probe, CREATE, 0o600, dir_fd=root))
    try:
        os.stat(probe.replace("-a.", "-A."), dir_fd=root)
    except FileNotFoundError:
        return True
    finally:
        os.unlink(probe, dir_fd=root)
    return False
