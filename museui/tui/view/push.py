"""What the push panel says of one repository: its push that runs, its last one, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from museui.core.figures import render_bytes, render_count, render_seconds
from museui.local.messages import PushView, RepositoryView, Trouble
from museui.local.state import State

from .clock import render_ago, render_moment
from .lists import describe_running
from .status import Tone, branch_status
from .waterfall import render_progress


@dataclass(frozen=True, slots=True)
class PushPanel:
    """``title`` of the panel; ``summary`` in ``tone``; ``push`` to be drawn; ``trouble`` to be explained.

    ``now`` is there for a push that runs.
    """

    title: str
    summary: str
    tone: Tone
    push: PushView | None = None
    trouble: Trouble | None = None
    now: float = 0.0


def describe_repository(state: State, repository: RepositoryView, now: float) -> PushPanel:
    """The panel for the repository under the cursor."""
    branch = repository.current_branch or (repository.branches[0].branch if repository.branches else "–")
    target = (repository.url or "").partition("://")[2] or repository.remote or "no remote"
    remote = "" if repository.remote == repository.url else f"{repository.remote or '–'}   "
    title = f"{repository.name}   {branch} → {remote}{target}"
    running = [push for push in state.pushes.values() if push.repository == repository.id]
    if running:
        push = max(running, key=lambda item: item.id)
        return PushPanel(title, f"Push {push.id}   {describe_progress(push)}", "busy", push, now=now)
    trouble, last = trouble_of_repository(state, repository), last_push(state, repository.id)
    if trouble:
        return PushPanel(title, trouble.message, "wait" if trouble.retryable else "bad", last, trouble)
    if unchecked := describe_unchecked(repository):
        return PushPanel(title, f"Not checked {unchecked}", "wait", last, repository.unchecked)
    if last and last.result in ("done", "up_to_date"):
        return PushPanel(title, _ended(last, now), "good", last)
    return PushPanel(title, _standing(repository), "quiet", last, last.error if last else None)


def describe_unchecked(repository: RepositoryView) -> str:
    """Since when the hub has not said where the branches are, and why; empty when it has."""
    if repository.unchecked is None:
        return ""
    at = repository.checked_at
    since = f"since {render_moment(at)}" if at is not None else "yet"
    return f"{since}: {repository.unchecked.message}"


def trouble_of_repository(state: State, repository: RepositoryView) -> Trouble | None:
    """What keeps it from being safe: what is wrong with it, what its last try came to, or that its hub is gone."""
    entries = [entry for entry in state.queue.values() if entry.repository == repository.id]
    if repository.trouble or not entries or repository.paused:
        return repository.trouble
    gone = next((hub.trouble for hub in state.hubs.values() if (repository.url or "").startswith(f"{hub.base}/")), None)
    return next((entry.error for entry in entries if entry.error), gone)


def last_push(state: State, repository_id: str) -> PushView | None:
    """The newest push of a repository that is over, as far back as the state goes."""
    over = [push for push in state.history.values() if push.repository == repository_id]
    return max(over, key=lambda push: push.id, default=None)


def describe_progress(push: PushView) -> str:
    """What a push that runs is doing, how far it is, how fast, and what is left."""
    parts = [describe_running(push)]
    if push.phases and (progress := render_progress(push.phases[-1], push)):
        parts.append(progress)
    return "   ".join(parts)


def _ended(push: PushView, now: float) -> str:
    when = render_ago(now - (push.ended_at or push.started_at))
    if push.result == "up_to_date":
        return f"Push {push.id}   was up to date   {when}"
    commits, objects = render_count(push.commits, "commit"), render_count(push.objects, "object")
    counts = f"{commits}, {objects}, {render_bytes(push.wire_bytes)}"
    slower = f"   slower than usual: {push.slower.replace('_', ' ')}" if push.slower else ""
    return f"Push {push.id}   {counts}   {render_seconds(push.total_seconds)}   {when}{slower}"


def _standing(repository: RepositoryView) -> str:
    words = {
        "looking": "Looking at it for the first time.",
        "safe": "Everything is on the hub.",
        "empty": "There is no commit yet.",
        "no_remote": "It has no remote: museui remote add origin URL",
        "paused": "Paused: nothing is pushed. Space goes on.",
        "waiting": "Waiting for its turn.",
        "cancelled": "Cancelled: it waits for the next commit, or for r.",
    }
    if repository.state in words:
        return words[repository.state]
    return "   ".join(f"{branch.branch}: {branch_status(branch).word}" for branch in repository.branches)
