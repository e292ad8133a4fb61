"""One entry of the queue and what can happen to it. Each function gives the entry as it is afterwards.

Times named ``_s`` are on a clock that never jumps; ``queued_at`` is the time of day, for people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from museui.core.errors import MuseError, UploadExpired
from museui.core.ids import CommitId
from museui.hub.retry import RetryPolicy
from museui.local.messages import Trouble, trouble_of

EntryState = Literal["waiting", "stopped", "cancelled"]

BACK_OFF = RetryPolicy(tries=0, base_s=1.0, cap_s=300.0)
"""How long a failed push waits; ``tries`` has no meaning here: the queue never gives up."""
_DENIED = {"unauthorized", "forbidden", "not_found", "usage"}


@dataclass(frozen=True, slots=True)
class Target:
    """What an entry is for: a repository (its path), a remote (name or URL) and a branch."""

    repository: str
    remote: str
    branch: str

    @property
    def id(self) -> str:
        """The entry's name in the local API."""
        text = "\0".join((self.repository, self.remote, self.branch))
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Entry:
    """A branch that waits to be pushed to a remote.

    ``pushing`` is the head that is on its way now. ``urgent``: a person waits for it. ``due_s``: not before then.
    """

    target: Target
    head: CommitId
    queued_at: float
    state: EntryState = "waiting"
    tries: int = 0
    due_s: float = 0.0
    error: Trouble | None = None
    pushing: CommitId | None = None
    urgent: bool = False
    commits: int | None = None


def offer(entry: Entry | None, target: Target, head: CommitId, now: float, commits: int | None = None) -> Entry:
    """``head`` is there to be pushed: a newer head takes the place of the one that waits, and is due at once."""
    if entry is None:
        return Entry(target, head, now, commits=commits)
    if entry.head == head:
        return replace(entry, commits=commits)
    return replace(
        entry, head=head, state="waiting", due_s=0.0, commits=commits, error=entry.error if entry.tries else None
    )


def began(entry: Entry) -> Entry:
    """A push of its head has begun."""
    return replace(entry, pushing=entry.head)


def succeeded(entry: Entry) -> Entry | None:
    """The head that was on its way has arrived: ``None`` when that was all."""
    if entry.pushing == entry.head:
        return None
    return replace(entry, pushing=None, state="waiting", tries=0, due_s=0.0, error=None)


def failed(entry: Entry, error: MuseError, now_s: float, random: Callable[[], float]) -> Entry:
    """The push failed. What may pass by itself is tried again later; the rest waits for a person or a newer head."""
    newer = entry.pushing is not None and entry.pushing != entry.head
    after = replace(entry, pushing=None, tries=entry.tries + 1, error=trouble_of(error), urgent=False)
    if isinstance(error, UploadExpired) and not entry.tries:
        return replace(after, due_s=now_s)
    if error.retryable:
        asked_s = error.details.get("retry_after_s", 0)
        asked_s = float(asked_s) if isinstance(asked_s, (int, float)) and 0 <= asked_s <= BACK_OFF.cap_s else 0.0
        exponent = min(after.tries, 32)
        return replace(after, due_s=now_s + BACK_OFF.delay_s(exponent, random, asked_s))
    return replace(after, due_s=now_s) if newer else replace(after, state="stopped")


def parked(entry: Entry) -> Entry:
    """The push was cut off without anything being wrong with it (the daemon ends, the repository was paused)."""
    return replace(entry, pushing=None, urgent=False)


def woken(entry: Entry, *, urgent: bool = False) -> Entry:
    """Due at once: a person asks for it, or what was in the way has gone."""
    return replace(entry, state="waiting", due_s=0.0, urgent=urgent or entry.urgent)


def cancelled(entry: Entry) -> Entry:
    """Not this head: it rests until there is a newer one or a person asks for it."""
    return replace(entry, state="cancelled", pushing=None, urgent=False)


def is_denied(entry: Entry) -> bool:
    """Whether it stopped for something that another token, or another user, may be allowed to do."""
    return entry.state == "stopped" and entry.error is not None and entry.error.code in _DENIED
