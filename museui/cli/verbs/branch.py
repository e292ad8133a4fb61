"""``museui branch``: a branch at what is checked out, checked out from then on."""

from __future__ import annotations

import click

from ...core.errors import Invalid, Usage
from ...core.ids import qualified
from ...core.names import check_branch
from ...edge.output import json_option, print_json, quiet_option, talk
from ...repo.repository import Repository
from ..branch_option import require_head
from ..context import Context


@click.command()
@click.argument("name")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, name: str, as_json: bool, quiet: bool) -> None:
    """Make the branch NAME at the commit that is checked out, and check it out; no file changes.

    This is how commits made while no branch was checked out (a detached HEAD) come to be on one.
    """
    try:
        check_branch(name)
    except Invalid as exc:
        raise Usage(exc.message, hint=exc.hint) from exc
    repository = Repository.open(context.cwd)
    with repository.lock():
        head = repository.read_head()
        commit_id = head.commit_id or require_head(repository, str(head.branch))
        if repository.read_branch(name) is not None:
            raise Usage(f"there is a branch {name!r} already", hint="Choose another name.")
        repository.read_commit(commit_id)
        repository.write_branch(name, commit_id)
        repository.write_head(name)
    if as_json:
        print_json({"ok": True, "repo": str(repository.root), "branch": name, "head": qualified(commit_id)})
    else:
        talk(f"branch {name} is at {commit_id[:12]} and checked out", quiet=quiet)
