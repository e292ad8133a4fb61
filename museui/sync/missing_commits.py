"""Which commits a hub lacks: a walk from the wanted head down to what the hub is known to have."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection
from dataclasses import dataclass

from museui.core.errors import Integrity
from museui.core.graph import order_commits
from museui.core.ids import CommitId
from museui.core.records import Commit


@dataclass(frozen=True, slots=True)
class Walk:
    """The commits to send, parents first, and their parents that the hub has (``base``, newest first)."""

    commits: list[Commit]
    base: list[CommitId]


def walk_missing(
    head: CommitId,
    known: Collection[CommitId],
    read_commit: Callable[[CommitId], Commit],
    on_progress: Callable[[int], None] = lambda count: None,
) -> Walk:
    """The ancestors of ``head`` that are not ancestors of ``known`` commits.

    Commits come off a queue newest first, so that a known commit marks its ancestors before the walk gets there; like
    git, a skewed clock can make the walk send a commit that the hub has already, never leave one out.
    ``on_progress`` hears how many commits have been read.  Raises what ``read_commit`` raises.
    """
    commits: dict[CommitId, Commit] = {}
    has: set[CommitId] = set()
    queue: list[tuple[_Newest, CommitId]] = []
    queued: set[CommitId] = set()
    unknown_queued = 0  # commits in the queue that the hub is not known to have

    def push(commit_id: CommitId) -> None:
        nonlocal unknown_queued
        commit = commits.get(commit_id) or read_commit(commit_id)
        commits[commit_id] = commit
        queued.add(commit_id)
        unknown_queued += commit_id not in has
        heapq.heappush(queue, (_Newest(commit.committed_at), commit_id))

    for commit_id in known:
        has.add(commit_id)
        push(commit_id)
    if head not in queued:
        push(head)
    read = 0
    while unknown_queued:
        _, commit_id = heapq.heappop(queue)
        queued.discard(commit_id)
        on_hub = commit_id in has
        unknown_queued -= not on_hub
        read += 1
        on_progress(read)
        for parent in commits[commit_id].parents:
            if on_hub and parent not in has:
                has.add(parent)
                if parent in queued:
                    unknown_queued -= 1
                elif parent in commits or unknown_queued:
                    push(parent)
            elif parent not in commits:
                push(parent)
    missing = {commit_id: commit.parents for commit_id, commit in commits.items() if commit_id not in has}
    ordered = order_commits(dict(sorted(missing.items(), key=lambda item: commits[item[0]].committed_at)))
    base = {parent for parents in missing.values() for parent in parents if parent not in missing}
    if not base <= has:
        raise Integrity(f"commit {min(base - has)} is missing from this repository")
    newest_first = sorted(base, key=lambda item: (commits[item].committed_at, item), reverse=True)
    return Walk([commits[commit_id] for commit_id in ordered], newest_first)


class _Newest(str):
    """A commit time that sorts newest first."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
