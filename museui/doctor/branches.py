"""Check that the branches of a repository are on the hub, by asking the hub."""

from __future__ import annotations

import time
from collections.abc import Sequence

from museui.core.errors import MuseError, Retryable
from museui.core.figures import render_count
from museui.hub.client import HubClient
from museui.hub.trust import HubTrust
from museui.hub.url import parse_repository_url
from museui.local.messages import Check
from museui.repo.config import Remote
from museui.repo.repository import Repository
from museui.repo.sightings import read_sightings
from museui.repo.standing import SAFE_STATES, BranchState, read_state
from museui.sync.observe import observe

_HINTS = {
    "diverged": "Run `museui fetch`, merge, and push.",
    "unknown": "Run `museui fetch` and look at what is there.",
}
_WORDS = {
    "never_pushed": "was never pushed",
    "gone": "is not on the hub any more",
    "unknown": "is at a commit there that is not here",
}


async def examine_branches(repository: Repository, remote: Remote, token: str | None, trust: HubTrust) -> Check | None:
    """Ask the hub where its branches are, remember it, and return which local ones are not safe there.

    Return ``None`` when the hub cannot answer now; the check of the hub reports that. Never raises :class:`MuseError`.
    """
    name = f"branches {repository.root} → {remote.name}"
    try:
        async with HubClient(parse_repository_url(remote.url), token, trust=trust) as client:
            seen = await observe(repository, remote.name, client)
        states = read_branches(repository, remote.name)
    except Retryable:
        return None
    except MuseError as exc:
        return Check(name, False, exc.message, exc.hint)
    return describe_branches(name, states, seen.changed)


def read_branches(repository: Repository, remote: str) -> list[BranchState]:
    """Return how every branch stands against ``remote``, as last seen. Raises :class:`Integrity`."""
    notes, now = read_sightings(repository, remote), time.time()
    heads = repository.branches()
    return [read_state(repository, branch, head, remote, notes.get(branch), now) for branch, head in heads.items()]


def describe_branches(name: str, states: Sequence[BranchState], changed: Sequence[str]) -> Check:
    """Return the check for branches that the hub was just asked for.

    ``changed``: names of branches that are no longer where they were last seen.
    """
    unsafe = [state for state in states if state.state not in SAFE_STATES]
    if not unsafe:
        return Check(name, True, f"{render_count(len(states), 'branch', 'branches')}, all of it is on the hub")
    if all(state.state == "never_pushed" for state in states):
        return Check(name, True, "nothing of it is on the hub yet: museui push")
    first = unsafe[0]
    more = f" (and {len(unsafe) - 1} more)" if len(unsafe) > 1 else ""
    went_back = ": the hub has gone back, or somebody moved it" if first.branch in changed else ""
    hint = _HINTS.get(first.state, "Run `museui push`; what the hub had before is sent again.")
    return Check(name, False, f"{first.branch} {_describe(first)}{went_back}{more}", hint)


def _describe(state: BranchState) -> str:
    if state.state == "ahead":
        return f"has {render_count(state.ahead or 0, 'commit')} that the hub lacks"
    if state.state == "diverged":
        if state.ahead is None or state.behind is None:
            return "and the hub's have diverged"
        return f"and the hub's have diverged: {render_count(state.ahead, 'commit')} here, {state.behind:,} there"
    return _WORDS[state.state]
