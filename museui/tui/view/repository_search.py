"""Repositories that were found below a folder, as one decides which of them to look after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from museui.local.messages import FoundView, RepositoryView, Trouble

from .error_text import explain
from .status import Status, Tone


@dataclass(frozen=True, slots=True)
class Search:
    """How a search goes: what it looks below, how many folders it saw, what it found, and how it ended.

    ``unreadable`` and ``complete`` are known when it is over; ``failure``: why there was none.
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
    """One repository. ``name`` is its path below the folder, ``target`` where it is pushed to or why nowhere."""

    path: str
    status: Status
    name: str
    target: str


@dataclass(frozen=True, slots=True)
class FoundDetail:
    """What is said of the one under the cursor: ``lines`` of (label, text), the first in ``tone``."""

    tone: Tone
    lines: tuple[tuple[str, str], ...] = field(default=())


def found_rows(
    search: Search, watched: Mapping[str, RepositoryView], failures: Mapping[str, Trouble]
) -> list[FoundRow]:
    """A row for each, as they were found. ``watched`` and ``failures`` (of adding it) go by path."""
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
    """All that is known of one."""
    where = (("", item.path),) + ((("remote", f"{item.remote}   {item.url}"),) if item.url else ())
    if is_watched:
        return FoundDetail("good", (*where, ("", "Looked after: every commit is pushed. Space ends that.")))
    trouble = failure or item.trouble
    if item.proposed_url is not None and not failure:
        lines = (("", "It has no remote yet: space asks where to push it."), ("", item.proposed_note))
        return FoundDetail("text", (*where, *(line for line in lines if line[1])))
    if trouble:
        return FoundDetail("bad", (*where, *explain(trouble)))
    return FoundDetail("text", (*where, ("", "Space looks after it: every commit is pushed from then on.")))


def describe_nothing(search: Search) -> list[str]:
    """What to do when nothing was found."""
    if search.failure:
        return [search.failure.hint] if search.failure.hint else []
    if not search.over or search.found:
        return []
    return ["Tab goes to the folders: enter there looks below another.", "In a terminal, `museui init` makes one."]


def describe_search(search: Search, watched: Sequence[str]) -> tuple[str, Tone]:
    """One line: how the search goes, or what came of it."""
    if search.failure:
        return search.failure.message, "bad"
    folders = f"{search.folders:,} folder{'' if search.folders == 1 else 's'}"
    if not search.over:
        return f"looking … {folders}, {len(search.found)} found", "busy"
    here = sum(item.path in watched for item in search.found)
    parts = [f"{len(search.found)} found in {folders}"]
    if here:
        parts.append(f"{here} watched")
    if search.unreadable:
        parts.append(f"{search.unreadable} could not be read")
    if not search.complete:
        parts.append("not all were looked at: choose a folder further down")
    return ", ".join(parts), "quiet" if search.complete else "wait"
