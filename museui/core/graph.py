"""The commit graph: parents before children, generations, and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from .errors import Integrity, Invalid
from .ids import CommitId


def order_commits(parents_of: Mapping[CommitId, Sequence[CommitId]]) -> list[CommitId]:
    """The commits of ``parents_of``, parents before children, otherwise in the order given.

    Parents outside the mapping do not count.  Raises :class:`Invalid` naming a commit when there is a cycle.
    """
    waits = {
        commit: sum(1 for parent in set(parents) if parent in parents_of) for commit, parents in parents_of.items()
    }
    children: dict[CommitId, list[CommitId]] = {}
    for commit, parents in parents_of.items():
        for parent in set(parents):
            if parent in parents_of:
                children.setdefault(parent, []).append(commit)
    ready = [commit for commit in parents_of if not waits[commit]]
    ready.reverse()
    ordered: list[CommitId] = []
    while ready:
        commit = ready.pop()
        ordered.append(commit)
        for child in reversed(children.get(commit, [])):
            waits[child] -= 1
            if not waits[child]:
                ready.append(child)
    if len(ordered) < len(parents_of):
        stuck = _find_on_cycle(parents_of, set(parents_of) - set(ordered))
        raise Invalid(f"commit {stuck} is its own ancestor", details={"commit_id": stuck})
    return ordered


def _find_on_cycle(parents_of: Mapping[CommitId, Sequence[CommitId]], stuck: set[CommitId]) -> CommitId:
    """A commit that is on a cycle; of ``stuck``, which all wait for a parent among them, some only descend from one."""
    commit = min(stuck)
    passed: set[CommitId] = set()
    while commit not in passed:
        passed.add(commit)
        commit = next(parent for parent in parents_of[commit] if parent in stuck)
    return commit


def outside_parents(parents_of: Mapping[CommitId, Sequence[CommitId]]) -> set[CommitId]:
    """The parents that are not commits of the mapping themselves."""
    return {parent for parents in parents_of.values() for parent in parents if parent not in parents_of}


def number_generations(
    ordered: Sequence[CommitId],
    parents_of: Mapping[CommitId, Sequence[CommitId]],
    known: Mapping[CommitId, int],
) -> dict[CommitId, int]:
    """The generation of each commit: 1 for a root, else one more than its highest parent's.

    ``known`` has the generations of parents outside ``ordered``.  Raises :class:`Integrity` for a parent in neither.
    """
    generation: dict[CommitId, int] = {}
    for commit in ordered:
        highest = 0
        for parent in parents_of[commit]:
            number = generation.get(parent) or known.get(parent)
            if number is None:
                raise Integrity(
                    f"commit {commit} has a parent that is neither in the bundle nor in this repository: {parent}",
                    details={"commit_id": commit, "missing": parent, "rule": "closed_graph"},
                )
            highest = max(highest, number)
        generation[commit] = highest + 1
    return generation


def require_all(needed: Collection[str], present: Collection[str], kind: str, needed_by: str) -> None:
    """Raise :class:`Integrity` naming the first of ``needed`` that is not in ``present``."""
    for item in needed:
        if item not in present:
            raise Integrity(
                f"{needed_by} needs {kind} {item}, which is neither in the bundle nor in this repository",
                details={"missing": item, "kind": kind, "rule": "closed_graph"},
            )
