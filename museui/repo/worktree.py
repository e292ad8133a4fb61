"""The work tree as it is now: which files would be recorded, and their bytes as objects.

Nothing is followed and nothing is guessed: symbolic links and special files are named and left out, a name that no
Muse repository may hold is refused by name, a file that changes while it is read is read again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.errors import Busy, Denied, Integrity, Invalid
from ..core.ids import ObjectId, hash_object
from ..core.names import check_path
from .files import disk_error
from .group import FileGroup
from .ignore import IgnoreRules
from .store import COPY_BYTES, Store

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_WHOLE_BYTES = 8 << 20
"""Files up to this size are read once and kept; larger ones are read twice, first to know their id."""
_ATTEMPTS = 4
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class WorkTree:
    """``files``: the paths to be recorded, sorted. ``left_out``: links and special files, with what they are."""

    root: str
    files: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def read_work_tree(root: str, rules: IgnoreRules) -> WorkTree:
    """Look through the folder ``root``.

    Raises :class:`Invalid` naming a file whose name cannot be recorded, :class:`Denied` naming what cannot be read.
    """
    files: list[str] = []
    left_out: list[tuple[str, str]] = []
    prefixes = [""]
    while prefixes:
        prefix = prefixes.pop()
        for entry in _list_folder(f"{root}/{prefix}"):
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if not rules.skips_folder(path, entry.name):
                    prefixes.append(path + "/")
            elif not rules.skips_file(path, entry.name):
                if entry.is_file(follow_symlinks=False):
                    files.append(_check_name(path))
                else:
                    left_out.append((path, "symbolic link" if entry.is_symlink() else "special file"))
    return WorkTree(root, tuple(sorted(files)), tuple(sorted(left_out)))


def _list_folder(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as exc:
        raise disk_error(exc, f"cannot list {folder}") from exc


def _check_name(path: str) -> str:
    try:
        return check_path(path)
    except Invalid as exc:
        shown = repr(os.fsencode(path))[1:]
        raise Invalid(
            f"the file name {shown} cannot be recorded: {exc.message}",
            hint="Rename the file, or leave it out with a pattern in .museignore.",
            details={"path": os.fsencode(path).decode("utf-8", "backslashreplace")},
        ) from exc


def store_work_tree(tree: WorkTree, store: Store, group: FileGroup) -> dict[str, ObjectId]:
    """Path → object id of every file of ``tree``; objects the store lacks are added to ``group``.

    A file that has gone since is left out.  Raises :class:`Busy` naming a file that will not hold still.
    """
    manifest: dict[str, ObjectId] = {}
    for path in tree.files:
        object_id = _store_file(f"{tree.root}/{path}", store, group)
        if object_id:
            manifest[path] = object_id
    return manifest


def _store_file(full: str, store: Store, group: FileGroup) -> ObjectId | None:
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_S)
        try:
            descriptor = os.open(full, _OPEN)
        except FileNotFoundError:
            return None
        except OSError as exc:
            error = disk_error(exc, f"cannot read {full}")
            if isinstance(error, Denied):
                error.hint = "Make it readable, or leave it out with a pattern in .museignore."
            raise error from exc
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return None
            if object_id := _store_content(descriptor, before, store, group):
                return object_id
        except OSError as exc:
            raise disk_error(exc, f"cannot read {full}") from exc
        finally:
            os.close(descriptor)
    raise Busy(f"{full} changes while it is read", hint="Try again when the program that writes it is done.")


def _store_content(descriptor: int, before: os.stat_result, store: Store, group: FileGroup) -> ObjectId | None:
    """The id of the open file, stored; ``None`` when it changed meanwhile."""
    content = b""
    if before.st_size <= _WHOLE_BYTES:
        content = b"".join(_pieces(descriptor, before.st_size + 1))
        object_id = hash_object(content)
        if len(content) != before.st_size:
            return None
    else:
        digest = hashlib.sha256()
        for piece in _pieces(descriptor, before.st_size + 1):
            digest.update(piece)
        object_id = ObjectId(digest.hexdigest())
    if _changed(before, os.fstat(descriptor)):
        return None
    if store.object_path(object_id) in group or store.keeps_object(object_id):
        return object_id
    if before.st_size <= _WHOLE_BYTES:
        store.write_object(object_id, (content,), group)
        return object_id
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        store.write_object(object_id, _pieces(descriptor, before.st_size + 1), group)
    except Integrity:
        return None
    return object_id


def _pieces(descriptor: int, limit: int) -> Iterator[bytes]:
    while limit > 0 and (piece := os.read(descriptor, min(limit, COPY_BYTES))):
        limit -= len(piece)
        yield piece


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
