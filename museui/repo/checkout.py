"""Writing a work tree: the files of a snapshot come to stand in a folder, and nothing else is touched.

All that must be written is written aside and synced first, so a full disk is noticed before anything has changed.  A
file that holds something which is neither in the old snapshot nor in the new one is never written over; it is found
before anything is changed, and looked for again in the moment it would be replaced.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..core.errors import Conflict, Interrupted, Invalid
from ..core.failpoints import failpoint
from ..core.ids import ObjectId
from ..core.names import check_path, check_tree
from .atomic import remove_file, write_new_file
from .attributes import keep_attributes
from .files import disk_error
from .group import make_scratch, side_by_side, sync_file
from .temporary import new_name, sweep_folder
from .tree import (
    CREATE,
    PIECE_BYTES,
    READ,
    Found,
    find_collision,
    folders_above,
    look_at,
    open_root,
    parent,
    remove,
    remove_empty,
    stamp_of,
    tells_case_apart,
)

ReadObject = Callable[[ObjectId], Iterable[bytes]]

_NAMED_AT_MOST = 5


class Checkout:
    """The way from the files of ``old`` below ``root`` to those of ``new``: looked at, staged, then made.

    Use it as a context manager. ``scratch`` is a folder of ours on the same disk.
    """

    def __init__(
        self,
        root: str,
        scratch: str,
        old: Mapping[str, ObjectId],
        new: Mapping[str, ObjectId],
        *,
        spare: bool = False,
    ) -> None:
        """Look at every file that is to change.

        Raises :class:`Conflict` naming files that hold neither of the two; with ``spare`` these are left alone and are
        in :attr:`spared`. Raises :class:`Invalid` for paths no work tree may have. Nothing has changed then.
        """
        _check_paths(new)
        self._root, self._scratch_parent, self._scratch = root, scratch, ""
        self._old, self._new = old, new
        self._staged: dict[str, str] = {}
        self._found: dict[str, Found] = {}
        self.written = {path: object_id for path, object_id in new.items() if old.get(path) != object_id}
        self.removed = [path for path in old if path not in new]
        self.count = len(self.written) + len(self.removed)
        self.spared: tuple[str, ...] = ()
        self._handle = open_root(root)
        try:
            self._look(spare)
        except OSError as exc:
            self.close()
            raise disk_error(exc, f"cannot read the work tree {root}") from exc
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was staged and is not in its place."""
        os.close(self._handle)
        for staged in self._staged.values():
            remove_file(staged)
        if self._scratch:
            with suppress(OSError):
                os.rmdir(self._scratch)

    def _look(self, spare: bool) -> None:
        clash = find_collision(self._new)
        if clash and not tells_case_apart(self._handle):
            raise Conflict(
                f"{clash[0]!r} and {clash[1]!r} would be one file here",
                hint="Use a folder on a file system that tells upper and lower case apart.",
            )
        foreign, gone = set(), set(self.removed)
        for path in (*self.written, *self.removed):
            found = self._found[path] = look_at(self._handle, path, gone)
            if found.content is not None and found.content not in (self._old.get(path), self.written.get(path)):
                foreign.add(path)
        if foreign and not spare:
            raise _conflict(sorted(foreign))
        self.spared = tuple(sorted(foreign))
        self.removed = [path for path in self.removed if path not in foreign]
        self.written = {path: object_id for path, object_id in self.written.items() if path not in foreign}

    def own_modes(self) -> dict[str, int]:
        """Return the permissions of the files that are to be removed, for whoever has to bring them back."""
        return {path: mode for path in self.removed if (mode := self._found[path].mode) is not None}

    def stage(
        self, read_object: ReadObject, stopped: Callable[[], bool], modes: Mapping[str, int] | None = None
    ) -> None:
        """Write every file that is not yet what it shall be, on the disk, but not in its place: nobody sees it.

        ``modes``: the permissions of files that are not there. Raises what ``read_object`` raises, our errors of the
        disk, and :class:`Interrupted` once ``stopped`` returns true.
        """
        for path, object_id in self.written.items():
            if self._found[path].content == object_id:
                continue
            if not self._scratch:
                self._scratch = make_scratch(self._scratch_parent)
            staged = f"{self._scratch}/{len(self._staged)}"
            self._staged[path] = staged
            write_new_file(staged, _until(stopped, read_object(object_id)), f"{self._root}/{path}", sync=False)
            try:
                self._keep_attributes(path, staged, (modes or {}).get(path))
            except OSError as exc:
                raise disk_error(exc, f"cannot write {self._root}/{path}") from exc
        side_by_side(sync_file, self._staged.values())
        if stopped():
            raise Interrupted("interrupted; no file has changed")

    def _keep_attributes(self, path: str, staged: str, mode: int | None) -> None:
        if self._found[path].content is None:
            if mode is not None:
                os.chmod(staged, mode & 0o777)
            return
        with parent(self._handle, path, make=False) as (folder, name):
            former = os.open(name, READ, dir_fd=folder)
        try:
            descriptor = os.open(staged, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                keep_attributes(former, descriptor)
            finally:
                os.close(descriptor)
        finally:
            os.close(former)

    def apply(self) -> None:
        """Remove and replace; all of it is on the disk when this returns.

        Raises :class:`Conflict` for a file that was written since it was looked at, and our errors of the disk: then
        some files are new and some are not.
        """
        try:
            for path in self.removed:
                failpoint("checkout.between_files")
                self._check_still(path)
                if self._found[path].content is not None:
                    remove(self._handle, path)
            for path in list(self._staged):
                failpoint("checkout.between_files")
                self._place(path)
            side_by_side(
                self._sync_folder, {above for path in (*self.written, *self.removed) for above in folders_above(path)}
            )
        except OSError as exc:
            raise disk_error(exc, f"cannot write the work tree {self._root}") from exc

    def _check_still(self, path: str) -> None:
        with suppress(OSError), parent(self._handle, path, make=False) as (folder, name):
            if stamp_of(os.stat(name, dir_fd=folder, follow_symlinks=False)) == self._found[path].stamp:
                return
        now = look_at(self._handle, path, frozenset()).content
        if now is not None and now not in (self._old.get(path), self._new.get(path)):
            raise _conflict([path])

    def _place(self, path: str) -> None:
        self._check_still(path)
        staged = self._staged[path]
        with parent(self._handle, path, make=True) as (folder, name):
            try:
                os.replace(staged, name, dst_dir_fd=folder)
            except OSError as exc:
                if exc.errno == errno.EXDEV:
                    _copy(staged, folder, name)
                    return
                if exc.errno not in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST):
                    raise
                remove_empty(name, folder)
                os.replace(staged, name, dst_dir_fd=folder)
        del self._staged[path]

    def _sync_folder(self, folder: str) -> None:
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            parent(self._handle, f"{folder}/." if folder else ".", make=False) as (handle, _),
        ):
            os.fsync(handle)


def _check_paths(paths: Iterable[str]) -> None:
    for path in paths:
        check_path(path)
        if ".git" in path.casefold().split("/"):
            raise Invalid(
                f"{path!r} would be written into a Git repository, whose files can make Git run programs",
                hint="No Muse client records such files; whoever made this snapshot meant harm, or erred.",
            )
    check_tree(paths)


def _conflict(paths: list[str]) -> Conflict:
    shown = ", ".join(repr(path) for path in paths[:_NAMED_AT_MOST])
    more = len(paths) - _NAMED_AT_MOST
    return Conflict(
        f"the work tree holds something of its own where a file must be written: {shown}"
        + (f" and {more} more" if more > 0 else ""),
        hint="Commit it with `museui snapshot -m …`, or move it away, and try again.",
        details={"paths": paths},
    )


def _until(stopped: Callable[[], bool], pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stopped():
            raise Interrupted("interrupted; no file has changed")
        yield piece


def _copy(staged: str, folder: int, name: str) -> None:
    """Put a copy of ``staged`` in place as ``name``: the folder is on another disk."""
    sweep_folder(folder)
    temporary = new_name()
    try:
        source = os.open(staged, READ)
        try:
            target = os.open(temporary, CREATE, 0o600, dir_fd=folder)
            try:
                while piece := os.read(source, PIECE_BYTES):
                    while piece:
                        piece = piece[os.write(target, piece) :]
                keep_attributes(source, target)
                os.fsync(target)
            finally:
                os.close(target)
        finally:
            os.close(source)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
