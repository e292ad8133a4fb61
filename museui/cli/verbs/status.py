"""``museui status``: what is safe on the hub, to the last knowledge of this machine and its daemon; no network."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import click

from ...core.cells import cell_width, pad
from ...core.errors import EXIT_FAILED, EXIT_OK, EXIT_RETRY, MuseError
from ...core.figures import render_span
from ...core.ids import qualified
from ...edge.output import json_option, print_json, printable, quiet_option
from ...repo.reasons import find_reasons
from ...repo.repository import Repository
from ...repo.standing import SAFE_STATES, BranchState, read_states
from ..context import Context
from ..daemon_facts import ask_about, find_refusal, is_at_it, render_known
from ..work_tree_report import WorkTreeLook, look_at_work_tree


@click.command()
@click.argument("repo", required=False, type=click.Path())
@click.option("--strict", is_flag=True, help="Exit with 1 when files are not committed.")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, repo: str | None, strict: bool, as_json: bool, quiet: bool) -> int:
    """Show each branch against each remote, as last seen, what is not committed, and what the daemon does: nothing is
    asked of the hub.

    The exit code is 0 when every commit of every branch was on every remote and nothing is in the way, 3 when the
    daemon is about to bring all of the rest there, else 1. Files that are not committed change it with --strict alone.
    """
    repository = Repository.open(context.path(repo))
    now = time.time()
    states = read_states(repository, now)
    work_tree = look_at_work_tree(repository)
    known = ask_about(repository.root)
    refusal = find_refusal(known)
    found = [*find_reasons(repository), *work_tree.reasons, *([refusal] if refusal else [])]
    reasons = list({reason.message: reason for reason in found}.values())
    safe = not reasons and all(state.state in SAFE_STATES for state in states)
    if as_json:
        document = {
            "ok": True,
            "repo": str(repository.root),
            "current_branch": _current_branch(repository),
            "safe": safe,
            "detached": _detached(repository),
            "reasons": [reason.to_json() for reason in reasons],
            "branches": [_document(state) for state in states],
            **work_tree.fields(),
            "daemon": known,
        }
        print_json(document)
    elif not quiet:
        click.echo(_render(states, reasons, _current_branch(repository), work_tree, now))
        for reason in reasons:
            click.echo(printable(f"✗ not safe: {reason.message}" + (f"\n  {reason.hint}" if reason.hint else "")))
        if known:
            click.echo(render_known(known))
    if strict and work_tree.count:
        return EXIT_FAILED
    if safe:
        return EXIT_OK
    return EXIT_RETRY if not reasons and is_at_it(known, states) else EXIT_FAILED


def _current_branch(repository: Repository) -> str | None:
    try:
        return repository.current_branch()
    except MuseError:
        return None


def _detached(repository: Repository) -> str | None:
    """Return the commit that is checked out when no branch is."""
    try:
        commit_id = repository.read_head().commit_id
    except MuseError:
        return None
    return qualified(commit_id) if commit_id else None


def _document(state: BranchState) -> dict[str, Any]:
    hub_head = qualified(state.hub_head) if state.hub_head else None
    return asdict(state) | {"head": qualified(state.head), "hub_head": hub_head}


def _render(
    states: list[BranchState], reasons: list[MuseError], current: str | None, work_tree: WorkTreeLook, now: float
) -> str:
    safe_words = "on the hub" if reasons else "✓ safe"
    none = "no branch with a commit" if reasons else "no commits yet"
    targets = [f"{state.branch} → {state.remote}" if state.remote else state.branch for state in states]
    width = max(map(cell_width, targets), default=0)
    lines, uncommitted = [], work_tree.summary()
    for target, state in zip(targets, states, strict=True):
        words, seen = _words(state, safe_words), _seen(state, now)
        if state.state == "safe" and state.branch == current and uncommitted:
            words = f"{words}, {uncommitted}"
            seen = f"; commits{seen[1:]}" if state.seen_at is not None else ""
        lines.append(f"{pad(target, width)}  {words}{seen}")
    return "\n".join(map(printable, [*(lines or [none]), *work_tree.lines()]))


def _seen(state: BranchState, now: float) -> str:
    """Return when a branch was seen to be on the hub, for one that was."""
    if state.state not in SAFE_STATES:
        return ""
    if state.seen_at is None:
        return " when last seen" if state.state == "safe" else ""
    ago = render_span(now - state.seen_at)
    return ", seen now" if ago == "now" else f", seen {ago} ago"


def _words(state: BranchState, safe_words: str) -> str:
    match state.state:
        case "safe":
            return safe_words
        case "ahead":
            return f"↑{state.ahead} ahead: museui push"
        case "behind":
            return f"↓{'' if state.behind is None else state.behind} behind: museui pull"
        case "diverged":
            return f"⇅ diverged: {state.ahead} here, {state.behind} there"
        case "never_pushed":
            return "○ never pushed: museui push"
        case "gone":
            return "✗ not on the hub any more: museui push"
        case "no_remote":
            return "○ no remote: museui remote add NAME URL"
        case _:
            return "? the hub has commits that are not here: museui fetch"
