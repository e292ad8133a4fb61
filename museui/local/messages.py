"""What the daemon tells: the items of its state, which the event stream, the lists and ``--json`` share.

``docs/daemon.md`` describes each; a test compares the two. Times are seconds since 1970 by the daemon's clock, ids of
commits are bare hex.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from ..core.errors import Invalid, MuseError

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Version:
    """Who answers."""

    api: int
    version: str
    pid: int
    started_at: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps something from working: ``code`` is an error's, ``message`` says what, ``hint`` what to do."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    details: dict[str, Any] = field(default_factory=dict)


def trouble_of(error: MuseError) -> Trouble:
    """An error as it is told."""
    return Trouble(error.code, error.message, error.hint, error.retryable, dict(error.details))


@dataclass(frozen=True, slots=True)
class DaemonState:
    """The daemon itself. ``watching`` is ``events`` or ``polling``; ``watching_trouble`` says why it polls."""

    pid: int
    version: str
    started_at: float
    watching: str
    watches: int
    watching_trouble: Trouble | None
    parallel_pushes: int
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class BranchView:
    """One branch against its remote: ``safe``, ``ahead``, ``behind``, ``diverged``, ``never_pushed``, ``gone`` or
    ``unknown``. ``seen_at``: when the hub last said that it has it at ``hub_head`` (gone: that it has it not).
    """

    branch: str
    state: str
    ahead: int | None
    behind: int | None
    head: str
    hub_head: str | None
    seen_at: float | None = None


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """A repository that is looked after.

    ``state`` is the one word for it: ``safe``, ``waiting``, ``pushing``, ``stopped`` (a person is needed), ``paused``,
    ``behind``, ``empty``, ``no_remote``, ``missing``, ``unreadable``, ``damaged``. ``trouble`` says why.
    ``unchecked``: why the hub does not say where its branches are, so that what is told of them is as last seen.
    """

    id: str
    path: str
    name: str
    state: str
    safe: bool
    trouble: Trouble | None
    remote: str | None
    url: str | None
    current_branch: str | None
    branches: tuple[BranchView, ...]
    watched_branches: tuple[str, ...]
    wanted_remote: str | None
    paused: bool
    paused_until: float | None
    snapshot_on_change: bool
    safe_at: float | None
    unsafe_since: float | None
    unsafe_after_minutes: int | None = None
    unchecked: Trouble | None = None

    @property
    def checked_at(self) -> float | None:
        """Since when nothing is known of some branch on the hub; ``None`` when that is not known itself."""
        return find_oldest(branch.seen_at for branch in self.branches)


def find_oldest(times: Iterable[float | None]) -> float | None:
    """Return the earliest of ``times``, ``None`` when one of them is not known or there is none."""
    known = list(times)
    return None if None in known else min((at for at in known if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class QueueView:
    """What waits: ``waiting``, ``pushing``, ``stopped`` (a person is needed) or ``cancelled`` (until the next commit).

    ``reason`` says in a few words why it waits; ``next_try_at`` is when it is tried next, as far as that is known.
    """

    id: str
    repository: str
    path: str
    remote: str
    branch: str
    head: str
    commits: int | None
    state: str
    reason: str
    error: Trouble | None
    tries: int
    queued_at: float
    next_try_at: float | None
    push: int | None


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A phase of a push: ``running``, ``done`` or ``failed``; ``began_s`` counts from the push's start."""

    name: str
    state: str
    began_s: float
    seconds: float
    gate_seconds: float
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PushView:
    """A push that runs (``result`` is ``running``) or is over: ``done``, ``up_to_date``, ``failed`` or ``cancelled``.

    ``slower`` names the phase that took unusually long; ``tries`` counts failures of the same kind one after another.
    """

    id: int
    repository: str
    path: str
    remote: str
    url: str
    branch: str
    head: str
    previous_head: str | None
    result: str
    started_at: float
    ended_at: float | None
    total_seconds: float
    phases: tuple[PhaseView, ...]
    strategy: str | None = None
    push_id: str | None = None
    bundle_id: str | None = None
    commits: int = 0
    snapshots: int = 0
    objects: int = 0
    raw_bytes: int = 0
    wire_bytes: int = 0
    bytes_per_s: float | None = None
    left_s: float | None = None
    error: Trouble | None = None
    slower: str | None = None
    tries: int = 1


@dataclass(frozen=True, slots=True)
class HubView:
    """A hub that repositories are pushed to. ``reachable`` is ``None`` before it was first asked."""

    base: str
    user: str | None
    reachable: bool | None
    since: float
    latency_s: float | None
    next_probe_at: float | None
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the daemon's log."""

    id: int
    at: float
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class FoundView:
    """A repository that was found. ``trouble`` says why it could not be looked after as it is.

    ``proposed_url``: a URL is all it lacks, and this one could be it; empty when no hub is known. ``proposed_note``:
    how the name in that URL differs from the folder's; empty when all its letters are in it.
    """

    path: str
    remote: str | None
    url: str | None
    trouble: Trouble | None = None
    proposed_url: str | None = None
    proposed_note: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the daemon's doctor."""

    name: str
    ok: bool
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CommitView:
    """A commit that a push sent. ``committed_at`` as the commit has it; ``message``: its first line."""

    id: str
    message: str
    author: str
    committed_at: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Somebody who was told: ``state`` is ``waiting`` (for another try), ``done`` or ``failed``."""

    id: int
    repository: str
    path: str
    kind: str
    event: str
    target: str
    at: float
    state: str
    tries: int
    next_try_at: float | None
    answer: str


COLLECTIONS: Mapping[str, type] = {
    "daemon": DaemonState,
    "hubs": HubView,
    "repositories": RepositoryView,
    "queue": QueueView,
    "pushes": PushView,
    "history": PushView,
    "log": LogLine,
}
"""The state: for each name a map of id → item. ``daemon`` has one item, whose id is ``daemon``."""


@cache
def _fields(cls: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Of each field its name, the message it holds one or several of, and whether it must be there."""
    hints = typing.get_type_hints(cls)
    found = []
    for item in fields(cls):
        candidates = (hints[item.name], *typing.get_args(hints[item.name]))
        inner = next((candidate for candidate in candidates if is_dataclass(candidate)), None)
        found.append((item.name, inner, item.default is MISSING and item.default_factory is MISSING))
    return tuple(found)


def encode(message: Any) -> dict[str, Any]:
    """The message as a map."""
    values: dict[str, Any] = {}
    for name, inner, _ in _fields(typing.cast(Any, type(message))):
        value = getattr(message, name)
        if isinstance(value, tuple):
            value = tuple(map(encode, value)) if inner else value
        elif isinstance(value, Mapping):
            value = dict(value)
        elif inner and value is not None:
            value = encode(value)
        values[name] = value
    return values


def decode(cls: type[M], document: object) -> M:
    """The message in ``document``; what a newer daemon adds is passed over. Raises :class:`Invalid`."""
    if not isinstance(document, Mapping):
        raise Invalid(f"the daemon sent something that is not a {cls.__name__}")
    values: dict[str, Any] = {}
    for name, inner, required in _fields(typing.cast(Any, cls)):
        if name not in document:
            if required:
                raise Invalid(f"the daemon sent a {cls.__name__} without {name!r}")
            continue
        value = document[name]
        if isinstance(value, list):
            value = tuple([decode(inner, item) for item in value] if inner else value)
        elif inner and value is not None:
            value = decode(inner, value)
        values[name] = value
    return cls(**values)
