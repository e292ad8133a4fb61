"""``museui snapshot``: commit the work tree."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from ..core.ids import qualified
from ..core.signatures import verify_commit
from ..repo.committing import Taken, commit_work_tree, default_author
from ..repo.keys import key_path, read_signing_key
from ..repo.repository import Repository
from .output import Context, json_option, print_json, quiet_option, talk, warn

_MAX_NOTES = 5


@click.command()
@click.option("-m", "--message", metavar="MSG", required=True, help="What changed and why.")
@click.option("--allow-empty", is_flag=True, help="Commit even when nothing has changed.")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, message: str, allow_empty: bool, as_json: bool, quiet: bool) -> None:
    """Commit the work tree on the present branch, signed when there is a key."""
    repository = Repository.open(context.cwd)
    taken = commit_work_tree(
        repository,
        message,
        author=default_author(repository.config().user_name, os.environ),
        now=datetime.now(UTC),
        key=read_signing_key(key_path(), warn),
        allow_empty=allow_empty,
    )
    if taken.finished:
        talk(f"note: {taken.finished.describe()}", quiet=quiet)
    _tell_left_out(taken, quiet or as_json)
    if as_json:
        print_json(_document(repository, taken))
    else:
        talk(_render(taken), quiet=quiet)


def _tell_left_out(taken: Taken, quiet: bool) -> None:
    for path, kind in taken.left_out[:_MAX_NOTES]:
        talk(f"note: {path} is a {kind}: not recorded", quiet=quiet)
    if (more := len(taken.left_out) - _MAX_NOTES) > 0:
        talk(f"note: and {more} more", quiet=quiet)


def _document(repository: Repository, taken: Taken) -> dict[str, Any]:
    document: dict[str, Any] = {"ok": True, "committed": taken.commit is not None, "repo": str(repository.root)}
    if taken.commit:
        document |= {
            "branch": taken.branch,
            "commit": qualified(taken.commit.id),
            "snapshot": qualified(taken.commit.snapshot_id),
            "parent": qualified(taken.commit.parents[0]) if taken.commit.parents else None,
            "files": taken.files,
            "added": list(taken.added),
            "changed": list(taken.changed),
            "removed": list(taken.removed),
            "signature": verify_commit(taken.commit.fields),
        }
    return document | {"left_out": [{"path": path, "kind": kind} for path, kind in taken.left_out]}


def _render(taken: Taken) -> str:
    if not taken.commit:
        return "nothing to commit"
    counts = ((len(taken.added), "added"), (len(taken.changed), "changed"), (len(taken.removed), "removed"))
    changes = ", ".join(f"{count} {word}" for count, word in counts if count) or "no changes"
    where = taken.branch or "detached HEAD"
    signed = ", signed" if taken.commit.fields["signature"] else ""
    return f"[{where} {taken.commit.id[:12]}] {taken.commit.message.splitlines()[0]} ({changes}{signed})"
