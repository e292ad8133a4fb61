"""Writing a work tree: the files of a snapshot come to stand in a folder, and nothing else is touched.

Every step goes through handles of folders that were opened without following links, so that no link in the work tree
can lead a write elsewhere.  A file that holds something which is neither in the old snapshot nor in the new one is
never written over; it is found before anything is changed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress

from ..core.errors import Conflict, Invalid
from ..core.ids import ObjectId
from ..core.names import check_path, check_tree
from .files import disk_error
from .temporary import new_name, sweep_folder

ReadObject = Callable[[ObjectId], Iterable[bytes]]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE_BYTES = 1 << 20
_NAMED_AT_MOST = 5
_MAX_FOLDERS = 256


def update_work_tree(
    root: str, old: Mapping[str, ObjectId], new: Mapping[str, ObjectId], read_object: ReadObject
) -> int:
    """Turn the files of ``old`` below ``root`` into those of ``new``; how many files were written or removed.

    Interrupted, it can be run again.  Raises :class:`Conflict` naming files that hold something else than they should
    and :class:`Invalid` for paths no work tree may have (nothing was changed then), :class:`Integrity` for what
    ``read_object`` cannot give.
    """
    _check_paths(new)
    written = {path: object_id for path, object_id in new.items() if old.get(path) != object_id}
    removed = [path for path in old if path not in new]
    handle = _open_root(root)
    try:
        clash = find_collision(new)
        if clash and not _tells_case_apart(handle):
            raise Conflict(
                f"{clash[0]!r} and {clash[1]!r} would be one file here",
                hint="Use a folder on a file system that tells upper and lower case apart.",
            )
        _check_untouched(handle, old, written, removed)
        for path in removed:
            _remove(handle, path)
        swept: set[str] = set()
        for path, object_id in written.items():
            _write(handle, path, read_object(object_id), swept)
    except OSError as exc:
        raise disk_error(exc, f"cannot write the work tree {root}") from exc
    finally:
        os.close(handle)
    return len(written) + len(removed)


def _check_paths(paths: Iterable[str]) -> None:
    for path in paths:
        check_path(path)
        if ".git" in path.casefold().split("/"):
            raise Invalid(
                f"{path!r} would be written into a Git repository, whose files can make Git run programs",
                hint="No Muse client records such files; whoever made this snapshot meant harm, or erred.",
            )
    check_tree(paths)


def _open_root(root: str) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise disk_error(exc, f"cannot open the work tree {root}") from exc


def _check_untouched(
    root: int, old: Mapping[str, ObjectId], written: Mapping[str, ObjectId], removed: Collection[str]
) -> None:
    changed: list[str] = []
    gone = set(removed)
    for path in (*written, *removed):
        there = _hash_file(root, path, gone)
        if there is not None and there not in (old.get(path), written.get(path)):
            changed.append(path)
    if changed:
        shown = ", ".join(repr(path) for path in sorted(changed)[:_NAMED_AT_MOST])
        more = len(changed) - _NAMED_AT_MOST
        raise Conflict(
            f"the work tree holds something of its own where a file must be written: {shown}"
            + (f" and {more} more" if more > 0 else ""),
            hint="Commit it with `museui snapshot -m …`, or move it away, and try again.",
            details={"paths": sorted(changed)},
        )


def _hash_file(root: int, path: str, removed: Set[str]) -> str | None:
    """The id of what stands at ``path``; ``None`` for nothing, an empty one for what is not a plain file.

    What will be gone once ``removed`` are removed counts as nothing.
    """
    try:
        with _parent(root, path, make=False) as (folder, name):
            descriptor = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:
        return None if any(above in removed for above in _folders_above(path)) else ""
    digest = hashlib.sha256()
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            return None if _holds_only(descriptor, path, removed) else ""
        if not stat.S_ISREG(mode):
            return ""
        while piece := os.read(descriptor, _PIECE_BYTES):
            digest.update(piece)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _folders_above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
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
            handle = os.open(name, _FOLDER, dir_fd=folder)
        except OSError:
            return False
        try:
            if not _holds_only(handle, below, files):
                return False
        finally:
            os.close(handle)
    return True


@contextmanager
def _parent(root: int, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
    """The folder that ``path`` is in, opened step by step without following a link, and the last name."""
    *folders, name = path.split("/")
    handle = os.dup(root)
    try:
        for folder in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=handle)
            below = os.open(folder, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle, name
    finally:
        os.close(handle)


def _write(root: int, path: str, pieces: Iterable[bytes], swept: set[str]) -> None:
    with _parent(root, path, make=True) as (folder, name):
        if (parent := path.rpartition("/")[0]) not in swept:
            swept.add(parent)
            sweep_folder(folder)
        temporary = new_name()
        descriptor = os.open(temporary, _CREATE, 0o666, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for piece in pieces:
                    view = memoryview(piece)
                    while view:
                        view = view[file.write(view) :]
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise


def _remove(root: int, path: str) -> None:
    """Remove a file, and the folders above it that are empty then."""
    while path:
        try:
            with _parent(root, path, make=False) as (folder, name):
                try:
                    os.unlink(name, dir_fd=folder)
                except (IsADirectoryError, PermissionError):
                    os.rmdir(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError:
            return
        path = path.rpartition("/")[0]


def find_collision(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that differ only in case or Unicode form, which some file systems take for one."""
    seen: dict[str, str] = {}
    for path in paths:
        other = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            return other, path
    return None


def _tells_case_apart(root: int) -> bool:
    probe = new_name().replace(".tmp", "-a.tmp")
    os.close(os.open(probe, _CREATE, 0o600, dir_fd=root))
    try:
        os.stat(probe.replace("-a.", "-A."), dir_fd=root)
    except FileNotFoundError:
        return True
    finally:
        os.unlink(probe, dir_fd=root)
    return False
