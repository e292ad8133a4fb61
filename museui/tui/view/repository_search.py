"""The search for repositories below a folder, from which a person chooses those to watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from museui.local.messages import FoundView, RepositoryView, Trouble

from .error_text import explain
from .status import Status, Tone


@dataclass(frozen=True, slots=True)
class Search:
    """The state of a search: the folder it began in, the number of folders it read, what it found and how it ended.

    ``unreadable`` (folders) and ``complete`` are known when the search is ``over``. ``failure`` is its error.
    """

    below: str
    folders: int = 0
    found: tuple[FoundView, ...] = ()
    over: bool = False
    unreadable: int = 0
    complete: bool = True
    failure: Trouble | None = None


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A found repository. ``name`` is its path below the folder, ``target`` its hub or why it cannot be watched."""

    path: str
    status: Status
    name: str
    target: str


@dataclass(frozen=True, slots=True)
class FoundDetail:
    """Details of the repository under the cursor: ``lines`` of (label, text), the first in ``tone``."""

    tone: Tone
    lines: tuple[tuple[str, str], ...] = field(default=())


def found_rows(
    search: Search, watched: Mapping[str, RepositoryView], failures: Mapping[str, Trouble]
) -> list[FoundRow]:
    """Return a row for each repository in the order of the search. ``watched`` and ``failures`` are keyed by path."""
    return [_row(item, search.below, item.path in watched, failures.get(item.path)) for item in search.found]


def _row(item: FoundView, below: str, is_watched: bool, failure: Trouble | None) -> FoundRow:
    inside = f"{below.rstrip('/')}/"
    name = item.path.removeprefix(inside) if item.path != below else item.path.rpartition("/")[2]
    target = (item.url or "").partition("://")[2]
    if is_watched:
        return FoundRow(item.path, Status("●", "good", "watched"), name, target)
    trouble = failure or item.trouble
    if item.proposed_url is not None and not failure:
        return FoundRow(item.path, Status("○", "wait", "no remote"), name, "no remote yet")
    if trouble:
        return FoundRow(item.path, Status("✗", "bad" if failure else "wait", "not added"), name, trouble.message)
    return FoundRow(item.path, Status("○", "text", "not watched"), name, target)


def describe_found(item: FoundView, is_watched: bool, failure: Trouble | None) -> FoundDetail:
    """Return the details of a found repository."""
    where = (("", item.path),) + ((("remote", f"{item.remote}   {item.url}"),) if item.url else ())
    if is_watched:
        return FoundDetail("good", (*where, ("", "Watched: every commit is pushed. Space stops that.")))
    trouble = failure or item.trouble
    if item.proposed_url is not None and not failure:
        lines = (("", "It has no remote yet: space asks where to push it."), ("", item.proposed_note))
        return FoundDetail("text", (*where, *(line for line in lines if line[1])))
    if trouble:
        return FoundDetail("bad", (*where, *explain(trouble)))
    return FoundDetail("text", (*where, ("", "Space watches it: every commit is pushed from then on.")))


def describe_nothing(search: Search) -> list[str]:
    """Return lines on what to do when the search found nothing."""
    if search.failure:
        return [search.failure.hint] if search.failure.hint else []
    if not search.over or search.found:
        return []
    return ["Tab goes to the folders: enter searches another.", "In a terminal, `museui init` creates a repository."]


def describe_search(search: Search, watched: Sequence[str]) -> tuple[str, Tone]:
    """Return one line on the search's progress or result."""
    if search.failure:
        return search.failure.message, "bad"
    folders = f"{search.folders:,} folder{'' if search.folders == 1 else 's'}"
    if not search.over:
        return f"searching … {folders}, {len(search.found)} found", "busy"
    here = sum(item.path in watched for item in search.found)
    parts = [f"{len(search.found)} found in {folders}"]
    if here:
        parts.append(f"{here} watched")
    if search.unreadable:
        parts.append(f"{search.unreadable} could not be read")
    if not search.complete:
        parts.append("the search is incomplete: choose a folder further down")
    return ", ".join(parts), "quiet" if search.complete else "wait"
