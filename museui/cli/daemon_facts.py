"""What the daemon, when one runs, knows of a repository: for ``museui status``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..core.errors import MuseError, Unreachable
from ..core.figures import render_until
from ..edge.local_time import render_when
from ..edge.output import printable
from ..local.places import find_socket
from ..repo.standing import SAFE_STATES, BranchState

_PATIENCE_S = 5.0


def ask_about(root: Path) -> dict[str, Any] | None:
    """``repository`` (``None``: not watched), its ``queue`` and its ``last_push``; ``None`` when no daemon answers."""
    if not find_socket().exists():
        return None
    from ..local.client import LocalClient

    client = LocalClient(timeout_s=_PATIENCE_S)
    try:
        views = client.get("repositories")["repositories"]
        view = next((item for item in views if item["path"] == str(root)), None)
        queue = [entry for entry in client.get("queue")["queue"] if entry["path"] == str(root)]
        pushes = client.get(f"pushes?repository={view['id']}&limit=20")["pushes"] if view else []
    except Unreachable:
        return None
    last = next((push for push in pushes if push["result"] == "done"), None)
    return {"repository": view, "queue": queue, "last_push": last}


def find_refusal(known: dict[str, Any] | None) -> MuseError | None:
    """Return why the hub does not tell the daemon where the branches are, unless that passes by itself.

    What was last seen there may be gone.
    """
    view = known["repository"] if known else None
    why = view.get("unchecked") if view else None
    return MuseError(why["message"], hint=why["hint"]) if why and not why["retryable"] else None


def is_at_it(known: dict[str, Any] | None, states: list[BranchState]) -> bool:
    """Whether the daemon will bring to the hub all that is not there yet, without a person."""
    if known is None or (known["repository"] and known["repository"]["paused"]):
        return False
    waiting = [entry for entry in known["queue"] if entry["state"] in ("waiting", "pushing")]
    coming = {(entry["remote"], entry["branch"]) for entry in waiting}
    return all((state.remote, state.branch) in coming for state in states if state.state not in SAFE_STATES)


def render_known(known: dict[str, Any]) -> str:
    """The lines a person reads."""
    from ..local.messages import find_oldest

    view = known["repository"]
    if view is None:
        return "daemon: not watched: museui watch add"
    lines = [f"daemon: {view['state']}"]
    if view["paused"]:
        lines[0] += f" until {render_when(view['paused_until'])}" if view["paused_until"] else ""
    if known["last_push"]:
        lines[0] += f", last push {render_when(known['last_push']['ended_at'])}"
    trouble, unchecked = view["trouble"], view.get("unchecked")
    if unchecked and unchecked["retryable"]:
        oldest = find_oldest(branch.get("seen_at") for branch in view["branches"])
        since = f" since {render_when(oldest)}" if oldest else ""
        lines.append(f"  hub not asked{since}: {unchecked['message']}")
    told = [entry["error"]["message"] for entry in known["queue"] if entry["error"]]
    if trouble and trouble["message"] not in told:
        lines.append(f"  {trouble['message']} {trouble['hint']}")
    lines += [f"  {entry['branch']} {entry['state']}: {render_why(entry)}" for entry in known["queue"]]
    return "\n".join(printable(line) for line in lines)


def render_why(entry: dict[str, Any]) -> str:
    """Why an entry of the queue waits, and when it is tried next."""
    why = str(entry["reason"])
    if entry["next_try_at"]:
        why += f" ({render_until(entry['next_try_at'], time.time())}, try {entry['tries'] + 1})"
    if entry["state"] == "stopped" and entry["error"]:
        why += f" [{entry['error']['code']}] {entry['error']['hint']}"
    return why.strip() or "-"
