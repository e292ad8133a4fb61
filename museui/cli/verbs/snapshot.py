"""``museui snapshot``: commit the work tree."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from ...core.errors import EXIT_FAILED, EXIT_OK
from ...core.figures import render_count
from ...core.ids import qualified
from ...core.signatures import verify_commit
from ...edge.output import json_option, print_json, quiet_option, talk, warn
from ...edge.signals import ignore_signals
from ...repo.author import author_of
from ...repo.committing import Taken, commit_work_tree
from ...repo.keys import key_path, read_signing_key
from ...repo.repository import Repository
from ..context import Context
from ..work_tree_report import left_out_fields, render_excluded, unrecordable_fields

_MAX_NOTES = 5
_MAX_UNRECORDABLE = 20


@click.command()
@click.option("-m", "--message", metavar="MSG", required=True, help="What changed and why.")
@click.option("--allow-empty", is_flag=True, help="Commit even when nothing has changed.")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, message: str, allow_empty: bool, as_json: bool, quiet: bool) -> int:
    """Commit the work tree on the present branch, signed when there is a key.

    What is recorded and still there stays recorded; ignore rules are about new files. The exit code is 1 when files
    cannot be recorded: they are named, and all else is recorded.
    """
    repository = Repository.open(context.cwd)
    taken = commit_work_tree(
        repository,
        message,
        author=author_of(repository, os.environ),
        now=datetime.now(UTC),
        key=read_signing_key(key_path(), warn),
        about_to_move=ignore_signals,
        allow_empty=allow_empty,
    )
    if taken.finished:
        talk(f"note: {taken.finished.describe()}", quiet=quiet)
    _tell_left_out(taken, quiet or as_json)
    if emptied := taken.emptied.error():
        warn(f"{emptied.message} ({'recorded so' if taken.commit else 'nothing is recorded'}; older commits have them)")
    if taken.commit and taken.branch is None:
        warn(
            "no branch is checked out: no push takes this commit to the hub until `museui branch NAME` makes one of it"
        )
    if as_json:
        print_json(_document(repository, taken))
    else:
        talk(_render(taken), quiet=quiet)
        if taken.unrecordable:
            _name_unrecordable(taken)
    return EXIT_FAILED if taken.unrecordable else EXIT_OK


def _tell_left_out(taken: Taken, quiet: bool) -> None:
    for path, kind in taken.left_out[:_MAX_NOTES]:
        talk(f"note: {path} is a {kind}: not recorded", quiet=quiet)
    if (more := len(taken.left_out) - _MAX_NOTES) > 0:
        talk(f"note: and {more} more", quiet=quiet)
    if taken.excluded:
        talk(f"note: left out by built-in rules: {render_excluded(taken.excluded)}", quiet=quiet)


def _name_unrecordable(taken: Taken) -> None:
    talk(f"error: {render_count(len(taken.unrecordable), 'file')} cannot be recorded; all else is:")
    for item in taken.unrecordable[:_MAX_UNRECORDABLE]:
        talk(f"  {item.path}: {item.rule}")
    if (more := len(taken.unrecordable) - _MAX_UNRECORDABLE) > 0:
        talk(f"  and {more:,} more: --json has them all")
    talk(f"hint: {taken.unrecordable[0].hint}")


def _document(repository: Repository, taken: Taken) -> dict[str, Any]:
    document: dict[str, Any] = {
        "ok": not taken.unrecordable,
        "committed": taken.commit is not None,
        "repo": str(repository.root),
    }
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
    emptied = taken.emptied.error()
    return document | {
        **left_out_fields(taken.left_out, taken.excluded),
        "unrecordable": unrecordable_fields(taken.unrecordable),
        "emptied": emptied.details["count"] if emptied else 0,
    }


def _render(taken: Taken) -> str:
    if not taken.commit:
        return "nothing to commit"
    counts = ((len(taken.added), "added"), (len(taken.changed), "changed"), (len(taken.removed), "removed"))
    changes = ", ".join(f"{count} {word}" for count, word in counts if count) or "no changes"
    where = taken.branch or "detached HEAD"
    signed = ", signed" if taken.commit.fields["signature"] else ""
    return f"[{where} {taken.commit.id[:12]}] {taken.commit.message.splitlines()[0]} ({changes}{signed})"
