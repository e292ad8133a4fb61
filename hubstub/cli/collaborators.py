"""``museui hub repo collaborator``: who beside its owner may do what to a repository."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import ask, change, data_option, json_option, print_json, print_rows, render_time

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ..people.access import CollaboratorRow


@click.group()
def collaborator() -> None:
    """Who beside its owner may do what to a repository."""


@collaborator.command("add")
@click.argument("name", metavar="OWNER/SLUG")
@click.argument("user")
@click.option("--access", type=click.Choice(["read", "write", "admin"]), default="write", show_default=True)
@data_option
@json_option
def add(name: str, user: str, access: str, data_dir: Path, as_json: bool) -> None:
    """Let USER read, write or administer the repository, whatever they could do before."""
    from ..people.access import parse_access, set_collaborator
    from ..people.repositories import require_repository

    async def work(connection: AsyncConnection) -> CollaboratorRow:
        repository = await require_repository(connection, name)
        return await set_collaborator(connection, repository, user, parse_access(access), time.time())

    made = change(data_dir, work)
    if as_json:
        print_json({"collaborator": asdict(made)})
    else:
        click.echo(f"{made.user} has {made.access} access to {name} now", err=True)


@collaborator.command("list")
@click.argument("name", metavar="OWNER/SLUG")
@data_option
@json_option
def list_(name: str, data_dir: Path, as_json: bool) -> None:
    """Show everybody who was given access."""
    from ..people.access import list_collaborators
    from ..people.repositories import require_repository

    async def work(connection: AsyncConnection) -> list[CollaboratorRow]:
        return await list_collaborators(connection, await require_repository(connection, name))

    found = ask(data_dir, work)
    if as_json:
        print_json({"collaborators": [asdict(item) for item in found]})
    elif found:
        print_rows([(item.user, item.access, "since " + render_time(item.created_at)) for item in found])


@collaborator.command("remove")
@click.argument("name", metavar="OWNER/SLUG")
@click.argument("user")
@data_option
@json_option
def remove(name: str, user: str, data_dir: Path, as_json: bool) -> None:
    """Take USER's access away, at once."""
    from ..people.access import remove_collaborator
    from ..people.repositories import require_repository

    async def work(connection: AsyncConnection) -> None:
        await remove_collaborator(connection, await require_repository(connection, name), user)

    change(data_dir, work)
    if as_json:
        print_json({})
    else:
        click.echo(f"{user} has no access to {name} any more", err=True)
