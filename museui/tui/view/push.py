"""The push panel of one repository: its running push, its last one, or why there is none."""

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
    """The contents of the panel: a ``summary`` in ``tone``, a ``push`` to draw and a ``trouble`` to explain.

    ``now`` is set for a running push only, so that a panel without one stays equal as time passes.
    """

    title: str
    summary: str
    tone: Tone
    push: PushView | None = None
    trouble: Trouble | None = None
    now: float = 0.0


def describe_repository(state: State, repository: RepositoryView, now: float) -> PushPanel:
    """Return the panel of a repository."""
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
    """Return since when and why the hub could not be asked for its branches; empty when it answered."""
    if repository.unchecked is None:
        return ""
    at = repository.checked_at
    since = f"since {render_moment(at)}" if at is not None else "yet"
    return f"{since}: {repository.unchecked.message}"


def trouble_of_repository(state: State, repository: RepositoryView) -> Trouble | None:
    """Return what keeps a repository from being safe: its own error, that of its queue entry, or that of its hub."""
    entries = [entry for entry in state.queue.values() if entry.repository == repository.id]
    if repository.trouble or not entries or repository.paused:
        return repository.trouble
    gone = next((hub.trouble for hub in state.hubs.values() if (repository.url or "").startswith(f"{hub.base}/")), None)
    return next((entry.error for entry in entries if entry.error), gone)


def last_push(state: State, repository_id: str) -> PushView | None:
    """Return the newest ended push of a repository that the state has."""
    over = [push for push in state.history.values() if push.repository == repository_id]
    return max(over, key=lambda push: push.id, default=None)


def describe_progress(push: PushView) -> str:
    """Return the phase, progress, rate and time left of a running push."""
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
        "looking": "It is being checked for the first time.",
        "safe": "Everything is on the hub.",
        "empty": "There is no commit yet.",
        "no_remote": "It has no remote: museui remote add origin URL",
        "paused": "Paused: nothing is pushed. Space resumes.",
        "waiting": "Waiting for its turn.",
        "cancelled": "Cancelled until the next commit; r pushes now.",
    }
    if repository.state in words:
        return words[repository.state]
    return "   ".join(f"{branch.branch}: {branch_status(branch).word}" for branch in repository.branches)
