"""A push through the daemon that runs: queue, history and whoever looks on know of it, the answer is the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import MuseError, Unreachable
from ..core.phases import PhaseEnded, PhaseEvent, PhaseProgressed, PhaseStarted
from ..local.places import find_socket


def push_through_daemon(
    root: Path, remote: str | None, branches: list[str], listener: Callable[[PhaseEvent], None]
) -> list[dict[str, Any]]:
    """Push each branch; their documents, also of what the daemon refuses. None when no daemon runs."""
    if not find_socket().exists() or os.environ.get("MUSEUI_CA"):
        return []  # the daemon does not know what this process is to trust
    from ..local.client import LocalClient, NoDaemon

    client = LocalClient()
    token = os.environ.get("MUSEUI_TOKEN") or None
    documents = []
    for branch in branches:
        body = {"path": str(root), "remote": remote, "branch": branch, "token": token}
        try:
            documents.append(_follow(client.stream("POST", "pushes", body), listener))
        except MuseError as exc:
            if isinstance(exc, NoDaemon) and not documents:
                return []
            documents.append({"ok": False, "branch": branch, "error": exc.to_json(), "phases": []})
    return documents


def _follow(events: Any, listener: Callable[[PhaseEvent], None]) -> dict[str, Any]:
    for event in events:
        if event["event"] == "result":
            document: dict[str, Any] = event["document"]
            return document
        listener(_phase_event(event))
    raise Unreachable(
        "the daemon ended while it pushed", hint="Start it again and it goes on; or push with --no-daemon."
    )


def _phase_event(event: Mapping[str, Any]) -> PhaseEvent:
    name = event["name"]
    if event["event"] == "started":
        return PhaseStarted(name)
    if event["event"] == "ended":
        return PhaseEnded(name, event["seconds"], event["ok"], event["detail"])
    return PhaseProgressed(name, event["seconds"], event["done"], event["total"], event["unit"])
