"""Finding records that a fetch must not say it has: damaged ones, and all that is built on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from museui.core.errors import MuseError
from museui.core.ids import CommitId, ObjectId
from museui.core.records import SnapshotParser
from museui.repo.repository import Repository


def is_complete(repository: Repository, heads: Collection[CommitId]) -> bool:
    """Return whether what ``heads``, commits the hub has, lead to is whole here, as far as is cheap to tell.

    Of each head the commit and the snapshot are read and each file's object looked for; of their histories the records
    that are cut short are found. A head that is not here leads to nothing.
    """
    parser, objects = SnapshotParser(), set[ObjectId]()
    here = [head for head in heads if repository.store.reads_commit(head)]
    for head in here:
        try:
            objects.update(repository.read_snapshot(repository.read_commit(head).snapshot_id, parser).manifest.values())
        except MuseError:
            return False
    if not all(map(repository.has_object, objects)):
        return False
    store = repository.store
    if all(map(store.has_commit, store.commit_ids())) and all(map(store.has_snapshot, store.snapshot_ids())):
        return True
    return _is_whole(repository, here)


def _is_whole(repository: Repository, heads: Iterable[CommitId]) -> bool:
    """Return whether every commit that ``heads`` lead to reads and has its snapshot."""
    seen = set(heads)
    stack = list(seen)
    while stack:
        try:
            commit = repository.read_commit(stack.pop())
        except MuseError:
            return False
        if not repository.has_snapshot(commit.snapshot_id):
            return False
        stack.extend(parent for parent in commit.parents if parent not in seen)
        seen.update(commit.parents)
    return True
