"""The rows of the panels: repositories, queue, history, log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from museui.core.figures import render_bytes, render_seconds, render_span
from museui.local.messages import PushView, QueueView, RepositoryView
from museui.local.state import State

from .clock import render_age
from .status import PAUSED, Status, Tone, repository_status

_SPARKS = "▁▂▃▄▅▆▇█"
UNREACHABLE = "hub unreachable"
"""Reason of a queue entry that waits for its hub; the daemon probes the hub each second while a client watches."""
_URGENCY: tuple[Tone, ...] = ("bad", "busy", "wait", "good", "quiet")


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """One repository. ``branch`` is the one checked out, ``note`` why the repository is not safe."""

    id: str
    status: Status
    name: str
    branch: str
    note: str


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue entry: a branch that waits or is being pushed."""

    id: str
    tone: Tone
    repository: str
    branch: str
    commits: str
    state: str
    next_try: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One push that has ended."""

    id: str
    status: Status
    when: str
    repository: str
    branch: str
    commits: str
    size: str
    took: str
    note: str


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line of the log. ``at`` is in Unix seconds."""

    id: str
    at: float
    tone: Tone
    message: str


def repository_rows(state: State, now: float, filter_text: str = "") -> list[RepositoryRow]:
    """Return the repositories that match ``filter_text`` in name, path, branch or state, sorted by name."""
    by_repository: dict[str, list[QueueView]] = {}
    for entry in state.queue.values():
        by_repository.setdefault(entry.repository, []).append(entry)
    rows = [
        _repository_row(item, by_repository.get(item.id, []), now)
        for item in state.repositories.values()
        if matches(filter_text, item.name, item.path, item.current_branch or "", item.state)
    ]
    return sorted(rows, key=lambda row: (row.name.casefold(), row.id))


def _repository_row(item: RepositoryView, entries: list[QueueView], now: float) -> RepositoryRow:
    notes = [entry.error.message if entry.error else entry.reason for entry in entries]
    note = item.trouble.message if item.trouble else next(filter(None, notes), "")
    note = note.replace(f"{item.path}/", "").replace(item.path, "").strip()  # the row shows the name already
    return RepositoryRow(item.id, repository_status(item, entries, now), item.name, branch_of(item), note)


def branch_of(repository: RepositoryView) -> str:
    """Return the branch to show for a repository: the one checked out, else the first."""
    if repository.current_branch:
        return repository.current_branch
    return repository.branches[0].branch if repository.branches else "–"


def queue_rows(state: State, now: float, filter_text: str = "", tries: bool = True) -> list[QueueRow]:
    """Return the queue: running pushes first, the rest by next try. ``tries``: False when nothing is tried now."""
    entries = [
        entry
        for entry in state.queue.values()
        if matches(filter_text, name_of(state, entry.repository, entry.path), entry.branch, entry.reason)
    ]
    entries.sort(key=lambda entry: (_queue_order(state, entry), entry.next_try_at or 0.0, entry.queued_at))
    rows = [_queue_row(state, entry, now) for entry in entries]
    return rows if tries else [replace(row, next_try="–") for row in rows]


def _queue_order(state: State, entry: QueueView) -> int:
    repository = state.repositories.get(entry.repository)
    if repository and repository.paused:
        return 4
    return {"pushing": 0, "stopped": 1, "waiting": 2}.get(entry.state, 3)


def _queue_row(state: State, entry: QueueView, now: float) -> QueueRow:
    name = name_of(state, entry.repository, entry.path)
    tone: Tone = {"pushing": "busy", "stopped": "bad"}.get(entry.state, "wait")  # type: ignore[assignment]
    commits = "" if entry.commits is None else str(entry.commits)
    repository = state.repositories.get(entry.repository)
    next_try = "–" if repository and repository.paused else _next_try(entry, now)
    return QueueRow(entry.id, tone, name, entry.branch, commits, _queue_state(state, entry), next_try)


def _queue_state(state: State, entry: QueueView) -> str:
    push = state.pushes.get(str(entry.push))
    if entry.state == "pushing" and push:
        return describe_running(push)
    reason = entry.error.message if entry.error and entry.state == "stopped" else entry.reason
    return f"{entry.state}: {reason}" if reason else entry.state


def describe_running(push: PushView) -> str:
    """Return the phase of a running push and its share: ``transfer 61 %``."""
    if not push.phases:
        return "starting"
    phase = push.phases[-1]
    share = f" {100 * phase.done // phase.total} %" if phase.done is not None and phase.total else ""
    return f"{phase.name.replace('_', ' ')}{share}"


def _next_try(entry: QueueView, now: float) -> str:
    if entry.state != "waiting":
        return "–" if entry.state == "pushing" else "press r"
    tries = f" (try {entry.tries + 1})" if entry.tries else ""
    if entry.next_try_at is None:
        return "soon" + tries
    left = render_span(entry.next_try_at - now)
    if left == "now" and entry.reason == UNREACHABLE:
        return "when it is back"
    return ("now" if left == "now" else f"in {left}") + tries


def history_rows(pushes: Iterable[PushView], state: State, now: float, filter_text: str = "") -> list[HistoryRow]:
    """Return the ended pushes that match, newest first."""
    rows = [
        history_row(
            push, name_of(state, push.repository, push.path), render_age(now - (push.ended_at or push.started_at))
        )
        for push in pushes
        if matches(filter_text, name_of(state, push.repository, push.path), push.branch, push.result, push.head)
    ]
    return sorted(rows, key=lambda row: int(row.id), reverse=True)


def history_row(push: PushView, name: str, when: str) -> HistoryRow:
    """Return the row of a push that has ended."""
    statuses: dict[str, Status] = {
        "done": Status("✓", "good", "done"),
        "up_to_date": Status("✓", "quiet", "up to date"),
        "cancelled": Status("✗", "wait", "cancelled"),
    }
    status = statuses.get(
        push.result, Status("✗", "bad", push.error.code.replace("_", " ") if push.error else push.result)
    )
    if push.error:
        note = push.error.message + (f" ({push.tries} times)" if push.tries > 1 else "")
    else:
        note = f"slower than usual: {push.slower.replace('_', ' ')}" if push.slower else ""
    return HistoryRow(
        id=str(push.id),
        status=status,
        when=when,
        repository=name,
        branch=push.branch,
        commits=str(push.commits),
        size=render_bytes(push.wire_bytes) if push.wire_bytes else "",
        took=render_seconds(push.total_seconds),
        note=note,
    )


def log_rows(state: State, filter_text: str = "") -> list[LogRow]:
    """Return the lines of the daemon's log that match, newest first."""
    tones: dict[str, Tone] = {"error": "bad", "warning": "wait"}
    lines = [line for line in state.log.values() if matches(filter_text, line.message)]
    lines.sort(key=lambda line: line.id, reverse=True)
    names = names_by_path(state)
    return [LogRow(str(x.id), x.at, tones.get(x.level, "text"), replace_path_by_name(x.message, names)) for x in lines]


def names_by_path(state: State) -> dict[str, str]:
    """Return each repository's folder → its name."""
    return {item.path: item.name for item in state.repositories.values()}


def replace_path_by_name(message: str, names: Mapping[str, str]) -> str:
    """Return a log line with the folder that it begins with replaced by the repository's name, so that it fits."""
    path, colon, _ = message.partition(": ")
    return message.replace(path, names[path]) if colon and path in names else message


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the last ``width`` values as bars of one cell; the highest value has a full bar."""
    shown = values[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return _SPARKS[0] * len(shown)
    return "".join(_SPARKS[min(len(_SPARKS) - 1, int(value / top * len(_SPARKS)))] for value in shown)


def name_of(state: State, repository_id: str, path: str) -> str:
    """Return a repository's name; for one that is not watched, the last part of its path."""
    known = state.repositories.get(repository_id)
    return known.name if known else path.rstrip("/").rpartition("/")[2] or path


def matches(filter_text: str, *texts: str) -> bool:
    """Return whether each word of the filter is in one of the texts."""
    lowered = [text.casefold() for text in texts]
    return all(any(word in text for text in lowered) for word in filter_text.casefold().split())


def most_urgent(rows: Sequence[RepositoryRow], now_at: str | None = None) -> str | None:
    """Return the id of the most urgent repository; ``now_at`` wins among equals."""
    ordered = sorted(
        rows, key=lambda row: (_URGENCY.index(row.status.tone), row.status.symbol == PAUSED, row.id != now_at)
    )
    return ordered[0].id if ordered else None
