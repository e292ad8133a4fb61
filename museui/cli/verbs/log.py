"""``museui log``: the history, newest first."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from ...core.errors import BadSignature
from ...core.ids import CommitId, is_hex_id, qualified
from ...core.records import Commit
from ...core.signatures import verify_commit
from ...edge.output import json_option, print_json, printable
from ...repo.history import walk_history
from ...repo.repository import Repository
from ..branch_option import pick_branch, require_head
from ..context import Context


@click.command()
@click.argument("branch", required=False)
@click.option("-n", "--max-count", "count", metavar="N", type=click.IntRange(min=0), help="At most N commits.")
@json_option
@click.pass_obj
def command(context: Context, branch: str | None, count: int | None, as_json: bool) -> None:
    """Show the history of BRANCH (default: what is checked out; a commit id does too), newest first.

    Each commit's signature is checked: valid, unsigned, unverifiable (a form only its signer can check), or BAD.
    """
    repository = Repository.open(context.cwd)
    head = _find_head(repository, branch)
    names: dict[CommitId, list[str]] = {}
    for name, commit_id in repository.branches().items():
        names.setdefault(commit_id, []).append(name)
    commits = islice(walk_history(repository, [head]), count)
    if as_json:
        document = [_document(commit, names.get(commit.id, [])) for commit in commits]
        print_json({"ok": True, "repo": str(repository.root), "head": qualified(head), "commits": document})
        return
    for number, commit in enumerate(commits):
        if number:
            click.echo()
        click.echo(_render(commit, names.get(commit.id, [])))


def _find_head(repository: Repository, branch: str | None) -> CommitId:
    if branch is None:
        head = repository.read_head()
        return head.commit_id or require_head(repository, pick_branch(repository, None))
    if is_hex_id(digits := branch.removeprefix("sha256:")):
        return CommitId(digits)
    return require_head(repository, branch)


def _signature(commit: Commit) -> str:
    try:
        return verify_commit(commit.fields)
    except BadSignature:
        return "bad"


def _document(commit: Commit, branches: list[str]) -> dict[str, Any]:
    return {
        "commit": qualified(commit.id),
        "parents": [qualified(parent) for parent in commit.parents],
        "snapshot": qualified(commit.snapshot_id),
        "message": commit.message,
        "author": commit.author,
        "agent_id": commit.fields.get("agent_id") or "",
        "committed_at": commit.committed_at,
        "signature": _signature(commit),
        "signer_key_id": commit.fields.get("signer_key_id") or "",
        "branches": branches,
    }


def _render(commit: Commit, branches: list[str]) -> str:
    state = _signature(commit)
    signer = commit.fields.get("signer_key_id") or ""
    lines = [f"commit {commit.id}" + (f" ({', '.join(branches)})" if branches else "")]
    if len(commit.parents) > 1:
        lines.append("Merge:     " + " ".join(parent[:12] for parent in commit.parents))
    if author := commit.author or commit.fields.get("agent_id"):
        lines.append(f"Author:    {printable(str(author))}")
    lines.append(f"Date:      {printable(commit.committed_at)}")
    shown = state.upper() if state == "bad" else state
    lines.append(f"Signature: {shown}" + (f" (key {printable(str(signer))})" if signer else ""))
    lines.append("")
    lines.extend(f"    {printable(line)}" for line in commit.message.splitlines() or [""])
    return "\n".join(lines)
