"""What moves: HEAD, the branches, and what each remote's branches were when last seen.

Every one is a small file that is replaced as a whole; names are checked before they become paths.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.errors import Integrity, Invalid, Usage
from ..core.ids import CommitId, is_hex_id, parse_id
from ..core.names import check_branch, check_name
from .atomic import write_file
from .files import disk_error, read_file

_MAX_REF_BYTES = 4096
_BRANCH = "ref: refs/heads/"
_COMMIT = "commit: "


@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out: a branch (which may have no commit yet), or else one commit."""

    branch: str | None
    commit_id: CommitId | None = None


def parse_head(content: bytes) -> Head:
    """The meaning of ``HEAD``. Raises :class:`Invalid`."""
    text = content.decode("utf-8", "replace").strip()
    if text.startswith(_BRANCH):
        return Head(check_branch(text[len(_BRANCH) :]))
    if text.startswith(_COMMIT):
        return Head(None, CommitId(parse_id(text[len(_COMMIT) :].strip(), "HEAD")))
    raise Invalid(f"HEAD names neither a branch nor a commit: {text!r:.80}")


class Refs:
    """HEAD, ``refs/heads/`` and ``remotes/`` of the repository whose ``.muse`` folder is ``muse``."""

    __slots__ = ("_muse",)

    def __init__(self, muse: str) -> None:
        self._muse = muse

    def read_head(self) -> Head:
        """What is checked out. Raises :class:`Integrity` when HEAD is missing or makes no sense."""
        path = f"{self._muse}/HEAD"
        try:
            return parse_head(read_file(path, _MAX_REF_BYTES))
        except FileNotFoundError:
            raise Integrity(f"{path} is missing", hint="It holds 'ref: refs/heads/main', or another branch.") from None
        except Invalid as exc:
            raise Integrity(f"{path} is damaged: {exc.message}", hint=exc.hint, details={"path": path}) from exc

    def write_head(self, head: Head) -> None:
        """Check out, as far as HEAD is concerned."""
        text = _BRANCH + check_branch(head.branch) if head.branch else _COMMIT + parse_id(head.commit_id, "HEAD")
        write_file(f"{self._muse}/HEAD", f"{text}\n".encode())

    def branch_names(self) -> list[str]:
        """Every file below ``refs/heads`` whose name can be a branch's, sorted."""
        return sorted(_ref_names(f"{self._muse}/refs/heads"))

    def branches(self) -> dict[str, CommitId]:
        """Branch → head, sorted by name; branches without a commit are left out. Raises :class:`Integrity`."""
        heads = ((name, self.read_branch(name)) for name in self.branch_names())
        return {name: head for name, head in heads if head}

    def read_branch(self, name: str) -> CommitId | None:
        """The head of a branch, ``None`` when it has no commit. Raises :class:`Integrity` for rubbish."""
        return _read_ref(self._branch_path(name))

    def write_branch(self, name: str, commit_id: CommitId) -> None:
        """Point a branch at a commit; the change others wait for."""
        _write_ref(self._branch_path(name), commit_id, name, sync=True)

    def _branch_path(self, name: str) -> str:
        return f"{self._muse}/refs/heads/{check_branch(name)}"

    def tracking_names(self, remote: str) -> list[str]:
        """The branches of ``remote`` that have been seen, sorted."""
        return sorted(_ref_names(f"{self._muse}/remotes/{check_name(remote, 'remote')}"))

    def read_tracking(self, remote: str, branch: str) -> CommitId | None:
        """The hub's head of ``branch`` as last seen, ``None`` when never seen. Raises :class:`Integrity`."""
        path = self._tracking_path(remote, branch)
        return None if os.path.isdir(path) else _read_ref(path)

    def write_tracking(self, remote: str, branch: str, commit_id: CommitId) -> None:
        """Note the hub's head of ``branch``; what was noted under a name that contradicts it (``a`` for ``a/b``) goes.

        Not synced: it can always be asked for again.
        """
        path = self._tracking_path(remote, branch)
        try:
            _write_ref(path, commit_id, branch, sync=False)
        except Usage:
            _clear_the_way(path, f"{self._muse}/remotes/{remote}")
            _write_ref(path, commit_id, branch, sync=False)

    def remove_tracking(self, remote: str, branch: str) -> None:
        """Forget what ``remote`` had on ``branch``; nothing happens when it was not known."""
        path = self._tracking_path(remote, branch)
        try:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)
        except OSError as exc:
            raise disk_error(exc, f"cannot remove {path}") from exc
        _remove_empty_folders(os.path.dirname(path), f"{self._muse}/remotes")

    def _tracking_path(self, remote: str, branch: str) -> str:
        return f"{self._muse}/remotes/{check_name(remote, 'remote')}/{check_branch(branch)}"


def _read_ref(path: str) -> CommitId | None:
    try:
        content = read_file(path, _MAX_REF_BYTES)
    except FileNotFoundError:
        return None
    text = content.decode("ascii", "replace").strip()
    if not text:
        return None
    if text.startswith("sha256:"):
        text = text[7:]
    if not is_hex_id(text):
        raise Integrity(
            f"{path} does not hold a commit id: {text!r:.80}",
            hint="A branch file holds the 64 hex digits of its head and nothing else.",
            details={"path": path},
        )
    return CommitId(text)


def _write_ref(path: str, commit_id: CommitId, name: str, *, sync: bool) -> None:
    content = parse_id(commit_id, f"head of {name}").encode()
    if os.path.isdir(path):
        _remove_empty_folders(path, os.path.dirname(path))
    try:
        write_file(path, content, sync=sync)
    except Exception as exc:
        cause = exc.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY):
            raise Usage(
                f"branch {name!r} cannot be made: another branch's name is a folder of it, or the other way round",
                hint="'a' and 'a/b' cannot both exist: rename one.",
            ) from exc
        raise


def _clear_the_way(path: str, root: str) -> None:
    import shutil

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    folder = os.path.dirname(path)
    while len(folder) > len(root):
        if os.path.lexists(folder) and not os.path.isdir(folder):
            with contextlib.suppress(OSError):
                os.unlink(folder)
        folder = os.path.dirname(folder)


def _ref_names(root: str) -> Iterator[str]:
    """The names below ``root`` that can be branches; what else lies there (others' temporary files) is passed over."""
    prefixes = [""]
    while prefixes:
        prefix = prefixes.pop()
        try:
            with os.scandir(f"{root}/{prefix}") as entries:
                found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            raise disk_error(exc, f"cannot list {root}/{prefix}") from exc
        for name, is_folder in found:
            try:
                check_branch(prefix + name)
            except Invalid:
                continue
            if is_folder:
                prefixes.append(f"{prefix}{name}/")
            else:
                yield prefix + name


def _remove_empty_folders(folder: str, stop: str) -> None:
    while folder != stop and len(folder) > len(stop):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)
