"""``museui status``: what is safe on the hub, to the last knowledge of this machine; no network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import click

from ..core.errors import EXIT_FAILED, EXIT_OK
from ..core.ids import CommitId, qualified
from ..repo.history import compare_heads
from ..repo.repository import Repository
from .output import Context, json_option, print_json, printable, quiet_option

SAFE_STATES = frozenset({"safe", "behind"})


@dataclass(frozen=True, slots=True)
class BranchState:
    """A branch against one remote. ``state``: safe, ahead, behind, diverged, never_pushed, unknown or no_remote.

    ``ahead`` and ``behind`` are ``None`` where they cannot be counted.
    """

    branch: str
    remote: str | None
    state: str
    ahead: int | None
    behind: int | None
    head: CommitId
    hub_head: CommitId | None


@click.command()
@click.argument("repo", required=False, type=click.Path())
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, repo: str | None, as_json: bool, quiet: bool) -> int:
    """Show each branch against each remote, as last seen: nothing is asked of the hub.

    The exit code is 0 when every commit of every branch was on every remote, else 1.
    """
    repository = Repository.open(context.path(repo) if repo else context.cwd)
    states = read_states(repository)
    safe = all(state.state in SAFE_STATES for state in states)
    if as_json:
        document = {"ok": True, "repo": str(repository.root), "current_branch": repository.current_branch()}
        print_json(document | {"safe": safe, "branches": [_document(state) for state in states]})
    elif not quiet:
        click.echo(_render(states))
    return EXIT_OK if safe else EXIT_FAILED


def read_states(repository: Repository) -> list[BranchState]:
    """Every branch that has a commit against every remote. Raises :class:`Integrity`, :class:`Usage`."""
    remotes: list[str | None] = list(repository.remotes())
    return [
        _compare(repository, branch, head, remote)
        for branch, head in repository.branches().items()
        for remote in remotes or [None]
    ]


def _compare(repository: Repository, branch: str, head: CommitId, remote: str | None) -> BranchState:
    if remote is None:
        return BranchState(branch, None, "no_remote", None, None, head, None)
    seen = repository.read_tracking(remote, branch)
    if seen is None:
        return BranchState(branch, remote, "never_pushed", None, None, head, None)
    if not repository.has_commit(seen):
        return BranchState(branch, remote, "unknown", None, None, head, seen)
    apart = compare_heads(repository, head, seen)
    names = {(False, False): "safe", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    state = names[bool(apart.ahead), bool(apart.behind)]
    return BranchState(branch, remote, state, apart.ahead, apart.behind, head, seen)


def _document(state: BranchState) -> dict[str, Any]:
    hub_head = qualified(state.hub_head) if state.hub_head else None
    return asdict(state) | {"head": qualified(state.head), "hub_head": hub_head}


def _render(states: list[BranchState]) -> str:
    if not states:
        return "no commits yet"
    targets = [f"{state.branch} → {state.remote}" if state.remote else state.branch for state in states]
    width = max(map(len, targets))
    return "\n".join(
        f"{printable(target):<{width}}  {_words(state)}" for target, state in zip(targets, states, strict=True)
    )


def _words(state: BranchState) -> str:
    match state.state:
        case "safe":
            return "✓ safe"
        case "ahead":
            return f"↑{state.ahead} ahead: museui push"
        case "behind":
            return f"↓{state.behind} behind: museui pull"
        case "diverged":
            return f"⇅ diverged: {state.ahead} here, {state.behind} there"
        case "never_pushed":
            return "○ never pushed: museui push"
        case "no_remote":
            return "○ no remote: museui remote add NAME URL"
        case _:
            return "? the hub has commits that are not here: museui fetch"
