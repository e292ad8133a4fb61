"""How a repository's branches stand to what its remotes were last seen to have: what is safe and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..core.errors import Integrity, MuseError
from ..core.ids import CommitId
from .history import compare_heads
from .repository import Repository
from .sightings import Sighting, read_sightings

SAFE_STATES = frozenset({"safe", "behind"})


@dataclass(frozen=True, slots=True)
class BranchState:
    """A branch against one remote. ``state``: safe, ahead, behind, diverged, never_pushed, gone, unknown or no_remote.

    ``ahead`` and ``behind`` are ``None`` where they cannot be counted. ``seen_at``: when the remote was last seen to
    have it at ``hub_head`` (gone: not to have it), in seconds since 1970; ``None`` when that is not known.
    """

    branch: str
    remote: str | None
    state: str
    ahead: int | None
    behind: int | None
    head: CommitId
    hub_head: CommitId | None
    seen_at: float | None = None


def read_states(repository: Repository, now: float) -> list[BranchState]:
    """Return every branch that can be read against every remote. Raises :class:`Usage`.

    How a branch stands is ``unknown`` where something damaged is in the way (:func:`find_unclear_states` says what).
    """
    remotes: list[str | None] = list(repository.remotes())
    seen = {remote: read_sightings(repository, remote) for remote in remotes if remote}
    return [
        _read_or_unknown(repository, branch, head, remote, seen.get(remote or "", {}).get(branch), now)
        for branch, head in repository.branches().items()
        for remote in remotes or [None]
    ]


def _read_or_unknown(
    repository: Repository, branch: str, head: CommitId, remote: str | None, sighting: Sighting | None, now: float
) -> BranchState:
    try:
        return read_state(repository, branch, head, remote, sighting, now)
    except Integrity:
        return BranchState(branch, remote, "unknown", None, None, head, None)


def find_unclear_states(repository: Repository) -> Iterator[MuseError]:
    """Yield what keeps a branch from being compared with what a remote was seen to have."""
    for branch, head in repository.branches().items():
        for remote in repository.remotes():
            try:
                read_state(repository, branch, head, remote, None, 0.0)
            except Integrity as exc:
                yield exc


def read_state(
    repository: Repository, branch: str, head: CommitId, remote: str | None, sighting: Sighting | None, now: float
) -> BranchState:
    """One branch against one remote, as last seen. Raises :class:`Integrity`."""
    if remote is None:
        return BranchState(branch, None, "no_remote", None, None, head, None)
    known = repository.read_tracking(remote, branch)
    state = compare_state(repository, branch, head, remote, known, sighting)
    return replace(state, seen_at=sighting.time_of(known, now) if sighting else None)


def compare_state(
    repository: Repository,
    branch: str,
    head: CommitId,
    remote: str,
    seen: CommitId | None,
    sighting: Sighting | None = None,
) -> BranchState:
    """One branch against what ``remote`` was ``seen`` to have. Raises :class:`Integrity`.

    ``sighting``: what else is noted of the branch there; without it ``seen_at`` is not known.
    """
    if seen is None:
        gone = sighting is not None and sighting.head is None
        return BranchState(branch, remote, "gone" if gone else "never_pushed", None, None, head, None)
    if not repository.has_commit(seen):
        if sighting and (sighting.head, sighting.holds) == (seen, head):
            return BranchState(branch, remote, "behind", 0, None, head, seen)
        return BranchState(branch, remote, "unknown", None, None, head, seen)
    apart = compare_heads(repository, head, seen)
    names = {(False, False): "safe", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    state = names[bool(apart.ahead), bool(apart.behind)]
    return BranchState(branch, remote, state, apart.ahead, apart.behind, head, seen)
