"""Healing a repository from what is on this machine: heads from what remembers them, objects from the work tree.

Nothing is guessed: a branch is pointed at a commit only when everything that remembers it leads to that one commit.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator

from ..core.errors import Integrity, MuseError, Usage
from ..core.ids import CommitId, ObjectId
from .history import compare_heads
from .lost import find_former_heads
from .refs import Head
from .repository import Repository
from .store import COPY_BYTES

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def heal_branches(repository: Repository) -> Iterator[str | MuseError]:
    """Point every branch that cannot be read, or lost its head, at where it was; yield what was done or cannot be."""
    for fault in repository.branches().faults:
        name, path = fault.details.get("branch"), fault.details.get("path")
        if not isinstance(name, str) or not path:
            continue
        heads = find_newest(
            repository, find_former_heads(str(repository.muse), repository.refs, repository.store, name)
        )
        if len(heads) == 1:
            repository.write_branch(name, heads[0])
            yield f"branch {name} is at {heads[0][:12]} again"
        elif heads:
            yield Integrity(
                f"branch {name!r} may have been at {' or '.join(heads)}",
                hint=f"Look at them with `museui log ID`, then: museui repair --set {name}=ID",
                details={"branch": name, "heads": heads},
            )
        else:
            yield fault


def find_newest(repository: Repository, candidates: Collection[CommitId]) -> list[CommitId]:
    """Return those of ``candidates``, as far as they can be read, that no other of them is built on."""
    commits = {item: repository.read_commit(item) for item in candidates if repository.store.reads_commit(item)}
    tips = commits.keys() - {parent for commit in commits.values() for parent in commit.parents}
    return sorted(tip for tip in tips if not any(tip != other and _is_older(repository, tip, other) for other in tips))


def _is_older(repository: Repository, commit_id: CommitId, than: CommitId) -> bool:
    try:
        return not compare_heads(repository, commit_id, than).ahead
    except MuseError:
        return False


def heal_head(repository: Repository) -> Iterator[str | MuseError]:
    """Check out the one branch there is when ``HEAD`` is damaged; yield that, or why it is not done."""
    try:
        repository.read_head()
        return
    except MuseError as exc:
        names = list(repository.branches())
        if len(names) != 1:
            exc.hint = f"Say which branch: museui repair --head NAME. There are: {', '.join(names) or 'none'}."
            yield exc
            return
    repository.write_head(names[0])
    yield f"HEAD is on branch {names[0]} again"


def set_branch(repository: Repository, name: str, commit_id: CommitId) -> str:
    """Point a branch at the commit that a person names; what was done. Raises :class:`Usage` unless it is here."""
    if not repository.store.reads_commit(commit_id):
        raise Usage(f"commit {commit_id} is not here", hint="`museui fetch` brings what the hub has.")
    repository.write_branch(name, commit_id)
    return f"branch {name} is at {commit_id[:12]}"


def set_head(repository: Repository, name: str) -> str:
    """Check out a branch that a person names, no file changes; what was done."""
    repository.write_head(Head(name))
    return f"HEAD is on branch {name}"


def drop_damaged_tracking(repository: Repository) -> Iterator[str]:
    """Forget each damaged note of where a remote's branch was seen: the next fetch or push notes it anew."""
    for remote in repository.refs.remote_names():
        for branch in repository.refs.tracking_names(remote):
            try:
                if repository.read_tracking(remote, branch):
                    continue
            except MuseError:
                pass
            repository.refs.remove_tracking(remote, branch)
            yield f"what {remote} has as {branch} is not known any more: museui fetch"


def heal_objects(repository: Repository, damaged: Collection[ObjectId]) -> set[ObjectId]:
    """Write those of ``damaged`` whose bytes a file of the work tree has; the ones that were written."""
    healed: set[ObjectId] = set()
    if repository.bare or not damaged:
        return healed
    root = str(repository.root)
    with repository.group() as group:
        for folder, folders, names in os.walk(root):
            if folder == root:
                folders[:] = [name for name in folders if name != ".muse"]
            for name in names:
                path = f"{folder}/{name}"
                object_id = _hash_file(path)
                if object_id and object_id in damaged and object_id not in healed:
                    repository.write_object(object_id, _pieces(path), group)
                    healed.add(object_id)
    return healed


def _hash_file(path: str) -> ObjectId | None:
    digest = hashlib.sha256()
    try:
        for piece in _pieces(path):
            digest.update(piece)
    except OSError:
        return None
    return ObjectId(digest.hexdigest())


def _pieces(path: str) -> Iterator[bytes]:
    descriptor = os.open(path, _OPEN)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a file")
        while piece := os.read(descriptor, COPY_BYTES):
            yield piece
    finally:
        os.close(descriptor)
