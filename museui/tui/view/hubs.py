"""The hub screen: whether each hub answers, facts about it, and the branches pushed to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from museui.core.errors import MuseError
from museui.core.figures import render_bytes, render_seconds, render_span
from museui.local.messages import BranchView, HubView, RepositoryView
from museui.local.state import State

from .clock import render_ago
from .error_text import explain
from .headline import hub_name
from .status import Status, Tone, branch_status, repository_status

if TYPE_CHECKING:
    from museui.core.wire import Storage


@dataclass(frozen=True, slots=True)
class HubRow:
    """One hub. ``note`` is its latency, or its state when it does not answer."""

    id: str
    status: Status
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class BranchRow:
    """One branch that is pushed to the hub. ``repository`` and ``size`` are on the repository's first row only."""

    id: str
    status: Status
    repository: str
    branch: str
    state: str
    size: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and a text in a tone."""

    label: str
    text: str
    tone: Tone = "text"


def hub_status(hub: HubView) -> Status:
    """Return whether a hub answers, as a status."""
    if hub.reachable is None:
        return Status("…", "quiet", "not yet asked")
    return Status("●", "good", "answers") if hub.reachable else Status("○", "bad", "gone")


def hub_rows(state: State) -> list[HubRow]:
    """Return a row for every hub, sorted by address."""
    return [
        HubRow(hub.base, hub_status(hub), hub_name(hub), _latency(hub) if hub.reachable else hub_status(hub).word)
        for hub in sorted(state.hubs.values(), key=lambda hub: hub.base)
    ]


def _latency(hub: HubView) -> str:
    return "" if hub.latency_s is None else render_seconds(hub.latency_s)


def hub_facts(state: State, hub: HubView, now: float, storage: Storage | MuseError | None = None) -> list[Fact]:
    """Return the facts about one hub. ``storage`` is the person's use of it, or the error of the request for that."""
    status = hub_status(hub)
    since = f", since {render_span(now - hub.since)}" if hub.reachable is not None and now - hub.since >= 1 else ""
    facts = [
        Fact("address", hub.base),
        Fact("you are", hub.user or f"not signed in: museui login {hub.base}", "text" if hub.user else "wait"),
        Fact("state", f"{status.symbol} {status.word}{since}", status.tone),
    ]
    if hub.reachable and hub.latency_s is not None:
        facts.append(Fact("latency", _latency(hub)))
    facts += _storage_facts(storage)
    if hub.next_probe_at is not None:
        facts.append(Fact("asked again", _when(hub.next_probe_at - now)))
    waiting = sum(entry.repository in _ids(state, hub.base) for entry in state.queue.values())
    if waiting:
        facts.append(Fact("waiting", f"{waiting} branch{'' if waiting == 1 else 'es'}: r retries", "wait"))
    if hub.trouble:
        facts += [
            Fact(label or "because", text, "bad" if not label else "text") for label, text in explain(hub.trouble)
        ]
    return facts


def _storage_facts(storage: Storage | MuseError | None) -> list[Fact]:
    if storage is None:
        return []
    if isinstance(storage, MuseError):
        return [Fact("storage", storage.message, "wait")]
    held = render_bytes(storage.used_bytes)
    if storage.quota_bytes is not None:
        held += f" of {render_bytes(storage.quota_bytes)}"
    where = f"{storage.count:,} {'repository' if storage.count == 1 else 'repositories'}"
    backlog = "done"
    if storage.waiting_bundles:
        bundles = "bundle waits" if storage.waiting_bundles == 1 else "bundles wait"
        backlog = f"{storage.waiting_bundles:,} {bundles}, {render_bytes(storage.waiting_bytes)}"
    full = storage.quota_bytes is not None and storage.used_bytes > 0.9 * storage.quota_bytes
    return [Fact("storage", f"{held} in {where} of yours", "wait" if full else "text"), Fact("promotion", backlog)]


def _when(left_s: float) -> str:
    span = render_span(left_s)
    return "now" if span == "now" else f"in {span}"


def _ids(state: State, base: str) -> set[str]:
    return {repository.id for repository in repositories_of(state, base)}


def repositories_of(state: State, base: str) -> list[RepositoryView]:
    """Return the repositories that are pushed to the hub, sorted by name."""
    here = [item for item in state.repositories.values() if item.url and item.url.startswith(f"{base}/")]
    return sorted(here, key=lambda item: (item.name.casefold(), item.id))


def branch_rows(state: State, base: str, now: float, stored: Mapping[str, int] | None = None) -> list[BranchRow]:
    """Return a row for every watched branch that is pushed to the hub. ``stored``: ``owner/slug`` → size in bytes."""
    rows: list[BranchRow] = []
    for item in repositories_of(state, base):
        size_bytes = (stored or {}).get((item.url or "").removeprefix(f"{base}/"))
        size = "" if size_bytes is None else render_bytes(size_bytes)
        if not item.branches:
            entries = [entry for entry in state.queue.values() if entry.repository == item.id]
            status = repository_status(item, entries, now)
            rows.append(BranchRow(item.id, status, item.name, "–", item.state.replace("_", " "), size))
        own = [_branch_row(item, branch, now) for branch in item.branches]
        rows += [replace(row, repository=item.name, size=size) for row in own[:1]] + own[1:]
    return rows


def _branch_row(item: RepositoryView, branch: BranchView, now: float) -> BranchRow:
    status = branch_status(branch)
    seen = f", {render_ago(now - branch.seen_at)}" if branch.state == "safe" and branch.seen_at is not None else ""
    return BranchRow(f"{item.id} {branch.branch}", status, "", branch.branch, f"{status.word}{seen}", "")


def copy_facts(facts: list[Fact]) -> str:
    """Return the facts as plain text for the clipboard."""
    return "\n".join(f"{fact.label}: {fact.text}" for fact in facts)
