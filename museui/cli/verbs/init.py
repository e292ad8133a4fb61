"""``museui init``: a repository from nothing."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ...core.errors import Invalid, Usage
from ...core.names import check_branch, check_name
from ...edge.output import json_option, print_json, quiet_option, talk
from ...repo.author import Author, check_author, find_author
from ...repo.repository import Repository, is_repository
from ..context import Context


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path())
@click.option("--domain", metavar="D", default="code", show_default=True, help="What the repository holds.")
@click.option("--branch", metavar="NAME", default="main", show_default=True, help="The first branch.")
@click.option("--bare", is_flag=True, help="Without a work tree.")
@click.option("--author", metavar="NAME", help="Author of its commits; else your name from the identity file or git.")
@json_option
@quiet_option
@click.pass_obj
def command(
    context: Context,
    folder: str,
    domain: str,
    branch: str,
    bare: bool,
    author: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a new, empty repository in DIR (default: here).

    A repository that is there already stays as it is.
    """
    try:
        check_name(domain, "domain")
        check_branch(branch)
    except Invalid as exc:
        raise Usage(exc.message, hint=exc.hint) from exc
    path = context.path(folder)
    created = not is_repository(path / ".muse")
    if created:
        found = Author(check_author(author), "--author") if author is not None else _find_author(path)
        repository = Repository.init(path, domain, branch, bare=bare, user_name=found.name)
    elif author is not None:
        raise Usage(
            f"there is a repository already in {path}",
            hint="Change the author of its next commits with: museui config author NAME",
        )
    else:
        repository = Repository.open(path)
        found = Author(repository.config().user_name, "config.toml")
    if as_json:
        print_json(_document(repository, created, found))
    else:
        done = "made a repository in" if created else "there is a repository already in"
        talk(f"{done} {repository.root}", quiet=quiet)
        if created:
            talk(_describe(found), quiet=quiet)


def _find_author(path: Path) -> Author:
    found = find_author(str(path), os.environ)
    try:
        return Author(check_author(found.name), found.source)
    except Usage:
        return Author("", found.source)


def _describe(author: Author) -> str:
    change = "museui config author NAME"
    if not author.name:
        return f"warning: its commits have no author yet; name one with: {change}"
    return f"author of its commits: {author.name} (from {author.source}); change it with: {change}"


def _document(repository: Repository, created: bool, author: Author) -> dict[str, object]:
    return {
        "ok": True,
        "created": created,
        "repo": str(repository.root),
        "repo_id": repository.repo_id,
        "domain": repository.domain,
        "branch": repository.current_branch(),
        "bare": repository.bare,
        "author": author.name,
        "author_source": author.source,
    }
