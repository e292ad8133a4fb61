"""``museui untrack``: drop files from the record and leave them where they are."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from ...core.errors import Usage
from ...core.figures import render_count
from ...core.ids import qualified
from ...core.signatures import verify_commit
from ...edge.output import json_option, print_json, quiet_option, talk, warn
from ...edge.signals import ignore_signals
from ...repo.author import author_of
from ...repo.keys import key_path, read_signing_key
from ...repo.repository import Repository, real_path
from ...repo.untracking import Untracked, untrack
from ..context import Context

_LISTED_AT_MOST = 1000


@click.command()
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path())
@click.option("-m", "--message", metavar="MSG", help="The commit's message.")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, paths: tuple[str, ...], message: str | None, as_json: bool, quiet: bool) -> None:
    """Drop files, or all files of folders, from the record: a commit without them.

    Your files stay. What no ignore rule leaves out gets a pattern in .museignore, so that no snapshot takes it again.
    A pull elsewhere leaves its copy there too, as long as .museignore says so. To record a file again, take its pattern
    out of .museignore and take a snapshot.
    """
    repository = Repository.open(context.cwd)
    wanted = [_inside(repository, context, path) for path in paths]
    what = wanted[0] or "everything" if len(wanted) == 1 else render_count(len(wanted), "path")
    untracked = untrack(
        repository,
        wanted,
        message or f"Untrack {what}",
        author=author_of(repository, os.environ),
        now=datetime.now(UTC),
        key=read_signing_key(key_path(), warn),
        about_to_move=ignore_signals,
    )
    if untracked.finished:
        talk(f"note: {untracked.finished.describe()}", quiet=quiet)
    if as_json:
        print_json(_document(repository, untracked))
    else:
        talk(_render(untracked), quiet=quiet)


def _inside(repository: Repository, context: Context, path: str) -> str:
    """Return ``path`` relative to the work tree. Raises :class:`Usage` for one that is not in it."""
    full = os.path.normpath(os.path.join(real_path(context.cwd), path))  # noqa: PTH118
    inside = os.path.relpath(full, repository.root)
    if inside == ".." or inside.startswith("../"):
        raise Usage(f"{path} is not in the work tree {repository.root}", hint="Name paths in it.")
    return "" if inside == "." else inside


def _document(repository: Repository, untracked: Untracked) -> dict[str, Any]:
    return {
        "ok": True,
        "repo": str(repository.root),
        "branch": untracked.branch,
        "commit": qualified(untracked.commit.id),
        "count": len(untracked.paths),
        "untracked": list(untracked.paths[:_LISTED_AT_MOST]),
        "patterns": list(untracked.patterns),
        "signature": verify_commit(untracked.commit.fields),
    }


def _render(untracked: Untracked) -> str:
    where = untracked.branch or "detached HEAD"
    count = render_count(len(untracked.paths), "file")
    line = f"[{where} {untracked.commit.id[:12]}] {count} no longer recorded, and still here"
    return line + "".join(f"\n.museignore: {pattern}" for pattern in untracked.patterns)
