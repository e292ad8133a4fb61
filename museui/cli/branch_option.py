"""Which branch a verb is about, and its head: what people write after ``--branch``."""

from __future__ import annotations

import click

from ..core.errors import Invalid, Usage
from ..core.ids import CommitId
from ..edge.output import F
from ..repo.repository import Repository
from .completers import complete_branch


def branch_option(function: F) -> F:
    """``--branch NAME``: what :func:`pick_branch` takes."""
    help_line = "Which branch (default: the present one)."
    return click.option("--branch", shell_complete=complete_branch, metavar="NAME", help=help_line)(function)


def pick_branch(repository: Repository, branch: str | None) -> str:
    """``branch``, or the one that is checked out. Raises :class:`Usage` when there is none."""
    name = repository.current_branch() if branch is None else branch
    if name is None:
        raise Usage("HEAD is not on a branch", hint="Say which branch with --branch.")
    return name


def require_head(repository: Repository, branch: str) -> CommitId:
    """The head of a branch. Raises :class:`Usage` when it has none, or when no branch can have that name."""
    try:
        head = repository.read_branch(branch)
    except Invalid as exc:
        raise Usage(exc.message, hint=exc.hint) from exc
    if head is None:
        known = ", ".join(repository.branches())
        hint = (
            f"Branches: {known}." if known else "There is none yet: museui snapshot -m MESSAGE makes the first commit."
        )
        raise Usage(f"there is no branch {branch!r} with a commit", hint=hint)
    return head
