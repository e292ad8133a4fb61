"""Healing a repository from what is on this machine: heads from what remembers them, objects from the work tree.

Nothing is guessed: a branch is pointed at a commit only when everything that remembers it leads to that one commit.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import islice

from ..core.errors import Integrity, MuseError, Usage
from ..core.ids import CommitId, ObjectId, SnapshotId, hash_snapshot
from ..core.records import Snapshot
from .check import Fault
from .contents import read_contents
from .files import disk_error
from .history import compare_heads
from .ignore import read_ignore_rules
from .lost import find_former_heads
from .refs import Head
from .repository import Repository
from .stat_cache import StatCache
from .store import COPY_BYTES
from .worktree import read_work_tree

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def heal_branches(repository: Repository) -> Iterator[str | MuseError]:
    """Point every branch that cannot be read, or lost its head, at where it was; yield what was done or cannot be."""
    for fault in repository.branches().faults:
        name, path = fault.details.get("branch"), fault.details.get("path")
        if not isinstance(name, str) or not path:
            continue
        try:
            former = find_former_heads(str(repository.muse), repository.refs, repository.store, name)
        except MuseError as exc:
            yield exc
            continue
        heads = find_newest(repository, former)
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


def finish_first_commit(repository: Repository) -> None:
    """Point the branch that is checked out, when it has no head, at the only commit there is, if it was made on it.

    That is what a first snapshot leaves that was killed before it wrote its branch. Raises :class:`Integrity` when the
    branch or ``HEAD`` is damaged, and what writing raises.
    """
    name, store = repository.read_head().branch, repository.store
    if name is None or repository.refs.read_branch(name) is not None:
        return
    commits = list(islice(store.commit_ids(), 2))
    former = find_former_heads(str(repository.muse), repository.refs, store, name)
    if len(commits) == 1 and commits == former and store.reads_commit(former[0]):
        commit = store.read_commit(former[0])
        if not commit.parents and store.reads_snapshot(commit.snapshot_id):
            repository.write_branch(name, commit.id)


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


def drop_damaged_tracking(repository: Repository) -> Iterator[str | MuseError]:
    """Forget each damaged note of where a remote's branch was seen: the next fetch or push notes it anew."""
    refs = repository.refs
    try:
        notes = [(remote, branch) for remote in refs.remote_names() for branch in refs.tracking_names(remote)]
    except MuseError as exc:
        yield exc
        return
    for remote, branch in notes:
        with suppress(MuseError):
            if repository.read_tracking(remote, branch):
                continue
        try:
            refs.remove_tracking(remote, branch)
        except MuseError as exc:
            yield exc
        else:
            yield f"what {remote} has as {branch} is not known any more: museui fetch"


def heal_snapshot(repository: Repository) -> Iterator[str]:
    """Write the snapshot of what is checked out anew from the work tree, when it is damaged and no file has changed."""
    head = repository.read_head()
    commit_id = repository.refs.read_branch(head.branch) if head.branch else head.commit_id
    if commit_id is None or repository.bare:
        return
    commit, store = repository.read_commit(commit_id), repository.store
    snapshot_id = commit.snapshot_id
    if store.reads_snapshot(snapshot_id):
        return
    root = str(repository.root)
    tree = read_work_tree(root, read_ignore_rules(root, repository.domain))
    with repository.group() as group:
        manifest = read_contents(tree, {}, store, group, StatCache(str(repository.muse))).manifest
    if hash_snapshot(manifest) == snapshot_id:
        fields = {"snapshot_id": snapshot_id, "manifest": None, "created_at": commit.committed_at}
        repository.write_snapshot(Snapshot(snapshot_id, manifest, fields))
        yield f"snapshot {snapshot_id[:12]} was taken from the work tree"


def find_ways_back(repository: Repository) -> Iterator[MuseError]:
    """Yield, for each branch whose newest commit is damaged, to which commit a person can take it back."""
    for name, head in repository.branches().items():
        if repository.store.reads_commit(head):
            continue
        former = find_former_heads(str(repository.muse), repository.refs, repository.store, name)
        for commit_id in find_newest(repository, former):
            yield Integrity(
                f"commit {head[:12]}, the newest of branch {name!r}, is damaged and nowhere to be had",
                hint=f"If there is no copy of {repository.store.commit_path(head)}, go back to the newest before it: "
                f"`museui repair --set {name}={commit_id}`. A snapshot then records your files.",
                details={"branch": name, "head": head, "former": commit_id},
            )


def set_aside(repository: Repository, faults: Iterable[Fault]) -> Iterator[str | MuseError]:
    """Give damaged files that no branch, tag or HEAD needs another name, under which nobody takes them for anything."""
    store = repository.store
    for fault in faults:
        if fault.needed:
            continue
        match fault.kind:
            case "commit":
                path = store.commit_path(CommitId(fault.item))
            case "snapshot":
                path = store.snapshot_path(SnapshotId(fault.item))
            case _:
                path = store.object_path(ObjectId(fault.item))
        try:
            os.replace(path, f"{path}.damaged")
        except OSError as exc:
            yield disk_error(exc, f"cannot rename {path}")
        else:
            yield f"{fault.kind} {fault.item[:12]} is damaged and nothing needs it: set aside as {path}.damaged"


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
