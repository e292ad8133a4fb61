"""Finding damage in a repository, as far as it can be seen without hashing every object, and commits on no branch.

:mod:`museui.repo.check` looks at everything. This is for those who ask often: ``museui status``, doctor, the daemon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from ..core.errors import Integrity, MuseError
from ..core.ids import CommitId, ObjectId, SnapshotId
from ..core.records import SnapshotParser
from .history import compare_heads
from .refs import Branches
from .repository import Repository
from .tags import read_tag, tag_paths

REPAIR_HINT = "`museui repair` takes it from the work tree or from the hub; `museui verify` lists everything."


def find_damage(repository: Repository) -> Iterator[MuseError]:
    """Yield what is wrong with branches and the records of their heads, notes of remotes and tags; reads no tree."""
    branches = repository.branches()
    yield from branches.faults
    yield from repository.remotes().faults.values()
    yield from _find_detached(repository, branches)
    yield from _find_damaged_heads(repository, branches)
    yield from _find_damaged_tracking(repository, branches)
    yield from _find_damaged_tags(repository)


def _find_damaged_heads(repository: Repository, branches: Branches) -> Iterator[MuseError]:
    """Yield each head whose commit is missing or damaged, or whose snapshot is missing or cut short."""
    for commit_id in _heads(repository, branches):
        try:
            commit = repository.read_commit(commit_id)
            if not repository.has_snapshot(commit.snapshot_id):
                yield _damaged_snapshot(repository, commit.snapshot_id)
        except MuseError as exc:
            exc.hint = REPAIR_HINT
            yield exc


def find_damaged_trees(repository: Repository) -> Iterator[MuseError]:
    """Yield what is missing or damaged of the snapshots of heads, and of their objects by their size.

    Reads every head's snapshot whole and looks for each of its files: about 20 ms for 5,000.
    """
    parser, seen = SnapshotParser(), set[SnapshotId]()
    wanted: dict[ObjectId, str] = {}
    for commit_id in _heads(repository, repository.branches()):
        with suppress(MuseError):
            snapshot_id = repository.read_commit(commit_id).snapshot_id
            if snapshot_id in seen or not repository.has_snapshot(snapshot_id):
                continue
            seen.add(snapshot_id)
            try:
                snapshot = repository.read_snapshot(snapshot_id, parser)
            except MuseError as exc:
                exc.hint = REPAIR_HINT
                yield exc
                continue
            for path, object_id in snapshot.manifest.items():
                wanted.setdefault(object_id, path)
    for object_id, path in wanted.items():
        if not repository.has_object(object_id):
            yield damaged_object(object_id, path)


def _find_damaged_tracking(repository: Repository, branches: Branches) -> Iterator[MuseError]:
    """Yield each note of where a remote's branch was last seen that is damaged, for the branches that are here."""
    remotes = list(repository.remotes())
    for branch in branches:
        for remote in remotes:
            try:
                repository.read_tracking(remote, branch)
            except MuseError as exc:
                exc.hint = "`museui fetch` asks the hub and notes it anew."
                yield exc


def _find_damaged_tags(repository: Repository) -> Iterator[MuseError]:
    """Yield each tag whose file is damaged."""
    for path in tag_paths(str(repository.muse)):
        try:
            read_tag(path)
        except MuseError as exc:
            yield exc


def _find_detached(repository: Repository, branches: Branches) -> Iterator[MuseError]:
    """Yield the commit that is checked out when it is on no branch and a remote was not seen to have it."""
    with suppress(MuseError):
        commit_id = repository.read_head().commit_id
        if commit_id and not _is_reached(repository, branches, commit_id):
            yield Integrity(
                f"commit {commit_id[:12]} is checked out and on no branch, so no push takes it to the hub",
                hint="`museui branch NAME` makes a branch of it.",
                details={"commit_id": commit_id, "rule": "detached"},
            )


def _is_reached(repository: Repository, branches: Branches, commit_id: CommitId) -> bool:
    """Return whether a branch leads to the commit, or, for every remote, a branch that it was seen to have."""
    if _any_leads_to(repository, branches.values(), commit_id):
        return True
    remotes = list(repository.remotes())
    return bool(remotes) and all(
        _any_leads_to(repository, _seen_heads(repository, remote), commit_id) for remote in remotes
    )


def damaged_object(object_id: ObjectId, path: str) -> Integrity:
    """Return the error for the object of a file that is missing or damaged here."""
    return Integrity(
        f"what was recorded of {path!r} is missing or damaged here: object {object_id}",
        hint=REPAIR_HINT,
        details={"object_id": object_id, "path": path},
    )


def _damaged_snapshot(repository: Repository, snapshot_id: SnapshotId) -> Integrity:
    return Integrity(
        f"snapshot {snapshot_id} is missing or cut short in this repository",
        hint=REPAIR_HINT,
        details={"snapshot_id": snapshot_id, "path": repository.store.snapshot_path(snapshot_id)},
    )


def _heads(repository: Repository, branches: Branches) -> list[CommitId]:
    heads = list(branches.values())
    with suppress(MuseError):
        if detached := repository.read_head().commit_id:
            heads.append(detached)
    return list(dict.fromkeys(heads))


def _seen_heads(repository: Repository, remote: str) -> Iterator[CommitId]:
    for branch in repository.refs.tracking_names(remote):
        with suppress(MuseError):
            if head := repository.read_tracking(remote, branch):
                yield head


def _any_leads_to(repository: Repository, heads: Iterable[CommitId], commit_id: CommitId) -> bool:
    for head in dict.fromkeys(heads):
        with suppress(MuseError):
            if not compare_heads(repository, commit_id, head).ahead:
                return True
    return False
