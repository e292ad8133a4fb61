"""``museui config author``: the author of a repository's commits."""

from __future__ import annotations

import os

import click

from ....edge.output import json_option, print_json, printable, quiet_option, talk
from ....repo.author import Author, check_author, find_author, write_author
from ....repo.repository import Repository
from ...context import Context


@click.command()
@click.argument("name", required=False)
@json_option
@quiet_option
@click.pass_obj
def author(context: Context, name: str | None, as_json: bool, quiet: bool) -> None:
    """Print the author of the next commits of the repository here; with NAME, change it.

    Commits that exist keep their author.
    """
    repository = Repository.open(context.cwd)
    if name is not None:
        name = check_author(name)
        with repository.lock():
            write_author(repository.config_path, name)
        found = Author(name, "config.toml")
    elif configured := repository.config().user_name:
        found = Author(configured, "config.toml")
    else:
        found = find_author(str(repository.root), os.environ)
    if as_json:
        print_json({"ok": True, "repo": str(repository.root), "author": found.name, "author_source": found.source})
    elif name is not None:
        talk(f"author of the next commits: {found.name}", quiet=quiet)
    else:
        click.echo(printable(found.name))
        talk(f"from {found.source}", quiet=quiet)
