"""What moves: HEAD, the branches, and what each remote's branches were when last seen.

Every one is a small file that is replaced as a whole; names are checked before they become paths.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.errors import Integrity, Invalid, MuseError, Usage, shown
from ..core.ids import CommitId, is_hex_id, parse_id
from ..core.names import check_branch, check_name, is_branch, is_name
from .atomic import write_file
from .files import disk_error, list_names, read_file
from .temporary import PREFIX

_MAX_REF_BYTES = 4096
_BRANCH = "ref: refs/heads/"
_COMMIT = "commit: "
_REF_HINT = "`museui repair` finds out what it held."
_BLANKS = " \t\r\n"
_OTHERS_TEMPORARY = (PREFIX, ".muse-tmp-")
"""Prefixes of the files that MuseUI and the Muse client write before they rename them."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out: a branch (which may have no commit yet), or else one commit."""

    branch: str | None
    commit_id: CommitId | None = None


class Branches(dict[str, CommitId]):
    """Branch → head, sorted by name. ``faults`` says of every other thing that lies among them why it is none."""

    def __init__(self, heads: dict[str, CommitId], faults: tuple[MuseError, ...] = (), unborn: tuple[str, ...] = ()):
        """``unborn``: branches whose file is there and empty, as before the first commit."""
        super().__init__(heads)
        self.faults = faults
        self.unborn = unborn


def parse_head(content: bytes) -> Head:
    """The meaning of ``HEAD``. Raises :class:`Invalid`."""
    text = content.decode("utf-8", "surrogateescape").strip(_BLANKS)
    if text.startswith(_BRANCH):
        return Head(check_branch(text[len(_BRANCH) :]))
    if text.startswith(_COMMIT):
        return Head(None, CommitId(parse_id(text[len(_COMMIT) :].strip(), "HEAD")))
    raise Invalid(f"HEAD names neither a branch nor a commit: {text!r:.80}")


class Refs:
    """HEAD, ``refs/heads/`` and ``remotes/`` of the repository whose ``.muse`` folder is ``muse``."""

    __slots__ = ("_folds_case", "_muse")

    def __init__(self, muse: str) -> None:
        self._muse = muse
        self._folds_case: bool | None = None

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

    def branches(self) -> Branches:
        """Return every branch with its head, and what cannot be read as one."""
        root = f"{self._muse}/refs/heads"
        heads: dict[str, CommitId] = {}
        unborn: list[str] = []
        faults: list[MuseError] = []
        for name in sorted(_ref_names(root, faults)):
            try:
                check_branch(name)
            except Invalid as exc:
                if fault := _unnameable(root, name, exc):
                    faults.append(fault)
                continue
            try:
                head = _read_ref(f"{root}/{name}", name)
            except MuseError as exc:
                faults.append(exc)
                continue
            if head:
                heads[name] = head
            elif os.path.lexists(f"{root}/{name}"):
                unborn.append(name)
        return Branches(heads, tuple(faults), tuple(unborn))

    def read_branch(self, name: str) -> CommitId | None:
        """The head of a branch, ``None`` when it has no commit. Raises :class:`Integrity` for rubbish."""
        path = self.branch_path(name)
        return None if self._find_other_case("refs/heads", name) else _read_ref(path, name)

    def write_branch(self, name: str, commit_id: CommitId) -> None:
        """Point a branch at a commit; the change others wait for."""
        self._check_case("refs/heads", name)
        _write_ref(self.branch_path(name), commit_id, name, sync=True)

    def branch_path(self, name: str) -> str:
        """Return the file of a branch, there or not. Raises :class:`Invalid`."""
        return f"{self._muse}/refs/heads/{check_branch(name)}"

    def tracking_names(self, remote: str) -> list[str]:
        """Return the branches of ``remote`` that have been seen, sorted."""
        return sorted(filter(is_branch, _ref_names(f"{self._muse}/remotes/{check_name(remote, 'remote')}")))

    def remote_names(self) -> list[str]:
        """Return the remotes of which something was seen, sorted, whether they are still configured or not."""
        return sorted(filter(is_name, list_names(f"{self._muse}/remotes")))

    def read_tracking(self, remote: str, branch: str) -> CommitId | None:
        """The hub's head of ``branch`` as last seen, ``None`` when never seen. Raises :class:`Integrity`."""
        path = self._tracking_path(remote, branch)
        if os.path.isdir(path) or self._find_other_case(f"remotes/{remote}", branch):
            return None
        return _read_ref(path, f"{remote}/{branch}")

    def write_tracking(self, remote: str, branch: str, commit_id: CommitId, *, sweep: bool = True) -> None:
        """Note the hub's head of ``branch``; what was noted under a name that contradicts it (``a`` for ``a/b``) goes.

        Not synced: it can always be asked for again. ``sweep`` as for :func:`~museui.repo.atomic.write_file`.
        """
        path = self._tracking_path(remote, branch)
        self._check_case(f"remotes/{remote}", branch)
        try:
            _write_ref(path, commit_id, branch, sync=False, sweep=sweep)
        except Usage:
            _clear_the_way(path, f"{self._muse}/remotes/{remote}")
            _write_ref(path, commit_id, branch, sync=False)

    def remove_tracking(self, remote: str, branch: str) -> None:
        """Forget what ``remote`` had on ``branch``; nothing happens when it was not known."""
        path = self._tracking_path(remote, branch)
        if self._find_other_case(f"remotes/{remote}", branch):
            return
        try:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)
        except OSError as exc:
            raise disk_error(exc, f"cannot remove {path}") from exc
        _remove_empty_folders(os.path.dirname(path), f"{self._muse}/remotes")

    def _find_other_case(self, folder: str, name: str) -> str | None:
        """Return what stands below ``folder`` for ``name`` and is spelled in another case, as the disk may allow."""
        if self._folds_case is None:
            self._folds_case = os.path.lexists(f"{self._muse}/head")  # HEAD is always there
        if not self._folds_case:
            return None
        from .tree import fold_name

        path, parts = f"{self._muse}/{folder}", name.split("/")
        for number, part in enumerate(parts):
            names = list_names(path)
            if part not in names:
                other = next((item for item in names if fold_name(item) == fold_name(part)), None)
                return "/".join([*parts[:number], other]) if other else None
            path = f"{path}/{part}"
        return None

    def _check_case(self, folder: str, name: str) -> None:
        if other := self._find_other_case(folder, name):
            raise Invalid(
                f"branch {name!r} cannot be here beside {other!r}: this disk takes upper and lower case for one",
                hint="Rename one of them on a disk that tells them apart.",
                details={"branch": name, "other": other},
            )

    def _tracking_path(self, remote: str, branch: str) -> str:
        return f"{self._muse}/remotes/{check_name(remote, 'remote')}/{check_branch(branch)}"


def _read_ref(path: str, name: str) -> CommitId | None:
    """Return the id in a ref's file, ``None`` when it is empty or there is none. Raises :class:`Integrity`."""
    details = {"path": path, "branch": name}
    try:
        content = read_file(path, _MAX_REF_BYTES)
    except FileNotFoundError:
        return None
    except Integrity as exc:
        exc.details |= details
        exc.hint = exc.hint or _REF_HINT
        raise
    except MuseError as exc:
        raise Integrity(exc.message, hint=exc.hint, details=exc.details | details) from exc
    text = content.decode("ascii", "backslashreplace").strip(_BLANKS)
    if not text:
        return None
    if text.startswith("sha256:"):
        text = text[7:]
    if not is_hex_id(text):
        raise Integrity(f"{path} does not hold a commit id: {shown(text)}", hint=_REF_HINT, details=details)
    return CommitId(text)


def _unnameable(root: str, name: str, reason: Invalid) -> MuseError | None:
    """Return the error for a ref that cannot be called ``name``; ``None`` for what some program keeps there itself."""
    last = name.rpartition("/")[2]
    try:
        head = _read_ref(f"{root}/{name}", name)
    except MuseError:
        head = None
        if last.startswith("."):
            return None
    else:
        if head is None or last.startswith(_OTHERS_TEMPORARY):
            return None
    readable = os.fsencode(name).decode("utf-8", "backslashreplace")
    return Invalid(
        f"branch {readable!r} cannot be pushed: its name is not one that MuseUI carries",
        hint=f"Give it another name with the Muse client. {reason.hint}",
        details={"branch": readable, "rule": "branch_name", "head": head},
    )


def _write_ref(path: str, commit_id: CommitId, name: str, *, sync: bool, sweep: bool = True) -> None:
    content = parse_id(commit_id, f"head of {name}").encode()
    if os.path.isdir(path):
        _remove_empty_folders(path, os.path.dirname(path))
    try:
        write_file(path, content, sync=sync, sweep=sweep)
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


def _ref_names(root: str, faults: list[MuseError] | None = None) -> Iterator[str]:
    """Yield the path below ``root`` of everything there that is no folder.

    Raises our errors for a folder that cannot be listed, unless ``faults`` takes them.
    """
    prefixes = [""]
    while prefixes:
        prefix = prefixes.pop()
        try:
            with os.scandir(f"{root}/{prefix}") as entries:
                found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            error = disk_error(exc, f"cannot list {root}/{prefix}")
            if faults is None:
                raise error from exc
            faults.append(error)
            continue
        for name, is_folder in found:
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
