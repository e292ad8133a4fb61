"""Items of a daemon's state with sensible values, each to be changed in what a test is about."""

from __future__ import annotations

from typing import Any

from museui.core.phases import GATES
from museui.local.messages import (
    BranchView,
    HubView,
    PhaseView,
    PushView,
    QueueView,
    RepositoryView,
    Trouble,
)
from museui.settings.config import repository_id
from tests.helpers.scripted_daemon import NOW

FORBIDDEN = Trouble("forbidden", "ada may not write to ada/sketches", "Ask its owner.", False, {"request_id": "req-17"})
GONE = Trouble("unreachable", "the hub cannot be reached", "Is it running?", True)


def branch(state: str = "safe", **changes: Any) -> BranchView:
    values: dict[str, Any] = {
        "branch": "main",
        "ahead": 0,
        "behind": 0,
        "head": "ab" * 32,
        "hub_head": "ab" * 32,
        "seen_at": NOW - 5,
    } | changes
    return BranchView(state=state, **values)


def repository(name: str = "song", state: str = "safe", **changes: Any) -> RepositoryView:
    path = f"/music/{name}"
    values: dict[str, Any] = {
        "id": repository_id(path),
        "path": path,
        "name": name,
        "safe": state == "safe",
        "trouble": None,
        "remote": "origin",
        "url": f"https://hub.local/ada/{name}",
        "current_branch": "main",
        "branches": (branch(),),
        "watched_branches": ("*",),
        "wanted_remote": None,
        "paused": state == "paused",
        "paused_until": None,
        "snapshot_on_change": False,
        "safe_at": NOW - 5,
        "unsafe_since": None,
    }
    return RepositoryView(state=state, **(values | changes))


def entry(name: str = "song", state: str = "waiting", **changes: Any) -> QueueView:
    path = f"/music/{name}"
    values: dict[str, Any] = {
        "id": repository_id(path + "/entry"),
        "repository": repository_id(path),
        "path": path,
        "remote": "origin",
        "branch": "main",
        "head": "ab" * 32,
        "commits": 3,
        "reason": "",
        "error": None,
        "tries": 0,
        "queued_at": NOW - 20,
        "next_try_at": None,
        "push": None,
    }
    return QueueView(state=state, **(values | changes))


def phase(name: str = "negotiate", state: str = "done", **changes: Any) -> PhaseView:
    values = {"began_s": 0.0, "seconds": 0.021, "gate_seconds": GATES[name]} | changes  # type: ignore[index]
    return PhaseView(name=name, state=state, **values)


def push(number: int = 1, name: str = "song", result: str = "done", **changes: Any) -> PushView:
    path = f"/music/{name}"
    values: dict[str, Any] = {
        "id": number,
        "repository": repository_id(path),
        "path": path,
        "remote": "origin",
        "url": f"https://hub.local/ada/{name}",
        "branch": "main",
        "head": "ab" * 32,
        "previous_head": "cd" * 32,
        "started_at": NOW - 301,
        "ended_at": None if result == "running" else NOW - 300,
        "total_seconds": 1.0,
        "phases": (
            phase("negotiate", seconds=0.1),
            phase("pack", began_s=0.1, seconds=0.2),
            phase("transfer", began_s=0.3, seconds=0.4),
            phase("index", began_s=0.7, seconds=0.25),
            phase("advance_ref", began_s=0.95, seconds=0.05),
        ),
        "commits": 3,
        "snapshots": 3,
        "objects": 40,
        "raw_bytes": 3 << 20,
        "wire_bytes": 1 << 20,
    }
    return PushView(result=result, **(values | changes))


def hub(base: str = "https://hub.local", reachable: bool | None = True, **changes: Any) -> HubView:
    values: dict[str, Any] = {
        "user": "ada",
        "since": NOW - 60,
        "latency_s": 0.012,
        "next_probe_at": None,
        "trouble": None if reachable else GONE,
    }
    return HubView(base=base, reachable=reachable, **(values | changes))
