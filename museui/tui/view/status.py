"""The state of a repository or branch as a symbol and a word. The symbol is clear without colour; the tone adds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from museui.local.messages import BranchView, QueueView, RepositoryView

from .clock import render_age

Tone = Literal["good", "busy", "wait", "bad", "quiet", "text"]
"""Meaning of a colour: all is well, something runs, it waits, a person is needed, secondary text, plain text."""

PAUSED = "║"
_SHORT_CODES = {
    "unauthorized": "401",
    "forbidden": "403",
    "not_found": "404",
    "non_fast_forward": "diverged",
    "stale_lease": "diverged",
    "bad_signature": "signature",
}
_STATES: dict[str, tuple[str, Tone, str]] = {
    "looking": ("·", "quiet", "looking"),
    "cancelled": ("✗", "wait", "cancelled"),
    "empty": ("○", "quiet", "empty"),
    "no_remote": ("○", "wait", "no remote"),
    "missing": ("✗", "bad", "missing"),
    "unreadable": ("✗", "bad", "unreadable"),
    "damaged": ("✗", "bad", "damaged"),
}


@dataclass(frozen=True, slots=True)
class Status:
    """A state as one symbol, its tone, and a short word."""

    symbol: str
    tone: Tone
    word: str


_DIVERGED = Status("⇅", "bad", "diverged")


def repository_status(repository: RepositoryView, queue: Iterable[QueueView], now: float) -> Status:
    """Return the status of a repository. ``queue`` has its entries."""
    entries = list(queue)
    match repository.state:
        case "safe":
            tone: Tone = "wait" if repository.unchecked else "good"
            return Status("●", tone, f"✓ {_age(repository.safe_at, now)}".rstrip())
        case "pushing":
            return Status("◐", "busy", _ahead(repository.branches) or "pushing")
        case "paused":
            until = repository.paused_until
            return Status(PAUSED, "wait", "paused" if until is None else f"for {render_age(max(60.0, until - now))}")
        case "stopped":
            error = next((entry.error for entry in entries if entry.state == "stopped" and entry.error), None)
            code = error.code if error else "stopped"
            if _SHORT_CODES.get(code) == "diverged":
                return _DIVERGED
            return Status("✗", "bad", _SHORT_CODES.get(code, code.replace("_", " ")))
        case "behind":
            count = max((branch.behind or 0 for branch in repository.branches), default=0)
            return Status("●", "wait", f"↓{count or ''}")
        case "waiting":
            return _waiting(repository, entries)
        case state:
            return Status(*_STATES.get(state, ("?", "quiet", state)))


def _waiting(repository: RepositoryView, entries: list[QueueView]) -> Status:
    if any(branch.state == "diverged" for branch in repository.branches):
        return _DIVERGED
    if repository.branches and all(branch.state == "never_pushed" for branch in repository.branches):
        return Status("○", "wait", "new")
    tone: Tone = "wait" if any(entry.tries for entry in entries) else "busy"
    return Status("◌", tone, _ahead(repository.branches) or "waiting")


def branch_status(branch: BranchView) -> Status:
    """Return the status of a branch, compared with its remote."""
    match branch.state:
        case "safe":
            return Status("✓", "good", "safe")
        case "ahead":
            return Status("↑", "wait", f"{branch.ahead} ahead")
        case "behind":
            return Status("↓", "wait", "behind" if branch.behind is None else f"{branch.behind} behind")
        case "diverged":
            return Status("⇅", "bad", f"diverged: {branch.ahead} here, {branch.behind} there")
        case "never_pushed":
            return Status("○", "wait", "never pushed")
        case "gone":
            return Status("✗", "bad", "not on the hub any more")
        case _:
            return Status("?", "wait", "the hub has commits that are not here")


def _ahead(branches: Iterable[BranchView]) -> str:
    count = sum(branch.ahead or 0 for branch in branches)
    return f"↑{count}" if count else ""


def _age(at: float | None, now: float) -> str:
    return "" if at is None else render_age(now - at)
