"""Walking the commit graph of a repository: the log, and how two heads stand to each other."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..core.ids import CommitId
from ..core.records import Commit
from .repository import Repository

_OURS, _THEIRS = 1, 2
_BOTH = _OURS | _THEIRS


@dataclass(frozen=True, slots=True)
class Divergence:
    """The number of commits only in the one history (``ahead``) and only in the other (``behind``).

    ``related``: whether any is in both.
    """

    ahead: int
    behind: int
    related: bool = True


def commit_time(commit: Commit) -> float:
    """When the commit was made, in seconds since 1970; 0 when its time cannot be read. Times without a zone are UTC."""
    try:
        when = datetime.fromisoformat(commit.committed_at)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


class _Newest:
    """The commits still to be visited, the newest first; of equally old ones the one found first."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._heap: list[tuple[float, int, Commit]] = []
        self._count = 0

    def push(self, commit_id: CommitId) -> None:
        commit = self._repository.read_commit(commit_id)
        self._count += 1
        heapq.heappush(self._heap, (-commit_time(commit), self._count, commit))

    def pop(self) -> Commit:
        return heapq.heappop(self._heap)[2]

    def __len__(self) -> int:
        return len(self._heap)


def walk_history(repository: Repository, heads: Iterable[CommitId]) -> Iterator[Commit]:
    """Every commit reachable from ``heads``, newest first and, unless clocks disagreed, children before parents.

    Reads as it goes, so that the first ten cost ten reads.  Raises :class:`Integrity` at a missing commit.
    """
    waiting = _Newest(repository)
    seen: set[CommitId] = set()
    commits: Iterable[CommitId] = heads
    while True:
        for commit_id in commits:
            if commit_id not in seen:
                seen.add(commit_id)
                waiting.push(commit_id)
        if not waiting:
            return
        commit = waiting.pop()
        yield commit
        commits = commit.parents


def compare_heads(repository: Repository, ours: CommitId, theirs: CommitId) -> Divergence:
    """How the histories of two heads, both here, differ. Reads little beyond the place where they join.

    Raises :class:`Integrity` at a missing commit.
    """
    if ours == theirs:
        return Divergence(0, 0)
    sides = {ours: _OURS, theirs: _THEIRS}
    one_sided = {ours, theirs}
    visited: dict[CommitId, Commit] = {}
    waiting = _Newest(repository)
    waiting.push(ours)
    waiting.push(theirs)
    while one_sided:
        commit = waiting.pop()
        visited[commit.id] = commit
        one_sided.discard(commit.id)
        side = sides[commit.id]
        for parent in commit.parents:
            known = sides.get(parent, 0)
            if known | side != known:
                sides[parent] = known | side
                waiting.push(parent)
                (one_sided.discard if known | side == _BOTH else one_sided.add)(parent)
    _spread_both(sides, visited)
    counts = list(sides.values())
    return Divergence(counts.count(_OURS), counts.count(_THEIRS), _BOTH in counts)


def _spread_both(sides: dict[CommitId, int], visited: Mapping[CommitId, Commit]) -> None:
    """Tell ancestors that were visited too early, as a wrong clock makes it happen, that both sides have them."""
    stack = [commit_id for commit_id, side in sides.items() if side == _BOTH]
    while stack:
        commit = visited.get(stack.pop())
        for parent in commit.parents if commit else ():
            if sides.get(parent) != _BOTH:
                sides[parent] = _BOTH
                stack.append(parent)
