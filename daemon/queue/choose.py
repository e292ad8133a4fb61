"""Whose turn it is: one push of a repository at a time, and no repository that keeps the others waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .entry import Entry


def choose_entry(
    entries: Iterable[Entry], held: Callable[[Entry], bool], served: Mapping[str, int], now_s: float
) -> Entry | None:
    """The entry to push next, ``None`` when none is due.

    ``held`` entries cannot be pushed now (paused, hub gone, repository busy or missing). ``served`` has for each
    repository the number of its last turn: who a person waits for comes first, then who has waited most turns.
    """
    due = [entry for entry in entries if _ready(entry) and entry.due_s <= now_s and not held(entry)]
    return min(
        due,
        key=lambda entry: (not entry.urgent, served.get(entry.target.repository, 0), entry.queued_at, entry.target.id),
        default=None,
    )


def next_due_s(entries: Iterable[Entry], held: Callable[[Entry], bool]) -> float | None:
    """When the next entry is due that is not ``held``; ``None`` when there is none."""
    return min((entry.due_s for entry in entries if _ready(entry) and not held(entry)), default=None)


def _ready(entry: Entry) -> bool:
    return entry.state == "waiting" and entry.pushing is None
