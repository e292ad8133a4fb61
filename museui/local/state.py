"""The daemon's state as a client keeps it: whole at first, then item by item as the event stream says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import Invalid
from .messages import (
    COLLECTIONS,
    DaemonState,
    HubView,
    LogLine,
    PushView,
    QueueView,
    RepositoryView,
    decode,
)


@dataclass(slots=True)
class State:
    """Each collection by id, in the order in which items came."""

    daemon: dict[str, DaemonState] = field(default_factory=dict)
    hubs: dict[str, HubView] = field(default_factory=dict)
    repositories: dict[str, RepositoryView] = field(default_factory=dict)
    queue: dict[str, QueueView] = field(default_factory=dict)
    pushes: dict[str, PushView] = field(default_factory=dict)
    history: dict[str, PushView] = field(default_factory=dict)
    log: dict[str, LogLine] = field(default_factory=dict)

    def apply(self, event: Mapping[str, Any]) -> str:
        """Take in one event of the stream; the collection it changed, or ``state``. Raises :class:`Invalid`."""
        kind, what = event.get("event"), str(event.get("what"))
        if kind == "state":
            for name in COLLECTIONS:
                items = event["state"].get(name, {})
                setattr(self, name, {key: decode(COLLECTIONS[name], value) for key, value in items.items()})
            return "state"
        if what not in COLLECTIONS:
            return what  # of a newer daemon
        if kind == "put":
            getattr(self, what)[event["id"]] = decode(COLLECTIONS[what], event["value"])
        elif kind == "drop":
            getattr(self, what).pop(event["id"], None)
        else:
            raise Invalid(f"the daemon sent an event that is none: {kind!r:.80}")
        return what


def parse_state(document: Mapping[str, Any]) -> State:
    """The state in the answer of ``GET /v1/state``. Raises :class:`Invalid`."""
    state = State()
    state.apply({"event": "state", "state": document})
    return state
