"""``museui hub repo``: the repositories on the hub, seen from the machine it runs on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museui.core.errors import Usage

from .options import ask, change, data_option, json_option, print_json, print_rows, render_time

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ..people.repositories import RepositoryRow

_visibility = click.Choice(["private", "public"])


@click.group()
def repo() -> None:
    """The repositories of the hub."""


@repo.command("create")
@click.argument("name", metavar="OWNER/SLUG")
@data_option
@click.option("--visibility", type=_visibility, default="private", show_default=True)
@click.option("--domain", default="", help="What the repository is about: music, code, data.")
@click.option("--default-branch", metavar="NAME", help="[default: the first one pushed]")
@json_option
def create(name: str, data_dir: Path, visibility: str, domain: str, default_branch: str | None, as_json: bool) -> None:
    """Make a repository."""
    from ..people.repositories import create_repository, parse_visibility
    from ..people.users import find_user

    owner, _, slug = name.partition("/")

    async def work(connection: AsyncConnection) -> RepositoryRow:
        user = await find_user(connection, owner)
        return await create_repository(
            connection,
            user.id,
            slug,
            time.time(),
            visibility=parse_visibility(visibility),
            domain=domain,
            default_branch=default_branch,
        )

    _print(change(data_dir, work), "created", as_json)


@repo.command("list")
@data_option
@json_option
def list_(data_dir: Path, as_json: bool) -> None:
    """Show every repository, what it takes, and the quota that was set for it."""
    from ..people.repositories import list_repositories

    found = ask(data_dir, lambda connection: list_repositories(connection, limit=1_000_000))
    if as_json:
        print_json({"repositories": [{**item.to_message(), **_room(item)} for item in found]})
    elif found:
        print_rows(
            [(item.name, item.visibility, "since " + render_time(item.created_at), _size(item)) for item in found]
        )


def _room(item: RepositoryRow) -> dict[str, int | None]:
    return {"stored_bytes": item.stored_bytes, "quota_bytes": item.quota_bytes}


def _size(item: RepositoryRow) -> str:
    from museui.core.figures import render_bytes

    from ..push.quota import choose_limit

    limit_bytes = choose_limit(item.quota_bytes, None)
    return render_bytes(item.stored_bytes) + (f" of {render_bytes(limit_bytes)}" if limit_bytes is not None else "")


@repo.command("visibility")
@click.argument("name", metavar="OWNER/SLUG")
@click.argument("visibility", type=_visibility)
@data_option
@json_option
def set_(name: str, visibility: str, data_dir: Path, as_json: bool) -> None:
    """Make a repository private or public."""
    from ..people.repositories import change_repository, parse_visibility, require_repository

    async def work(connection: AsyncConnection) -> RepositoryRow:
        found = await require_repository(connection, name)
        return await change_repository(connection, found.id, visibility=parse_visibility(visibility))

    _print(change(data_dir, work), f"is {visibility} now", as_json)


@repo.command("delete")
@click.argument("name", metavar="OWNER/SLUG")
@data_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(name: str, data_dir: Path, yes: bool, as_json: bool) -> None:
    """Delete a repository and all that is only there."""
    from ..people.audit import record_deletion
    from ..people.repositories import delete_repository, require_repository

    found = ask(data_dir, lambda connection: require_repository(connection, name))
    if not yes:
        if not sys.stdin.isatty():
            raise Usage(f"deleting {found.name} needs a yes", hint="Add --yes.")
        click.confirm(f"Delete {found.name} and its whole history?", abort=True, err=True)

    async def work(connection: AsyncConnection) -> None:
        await record_deletion(connection, found, None, time.time())
        await delete_repository(connection, found.id)

    change(data_dir, work)
    _print(found, "deleted", as_json)


def _print(row: RepositoryRow, what: str, as_json: bool) -> None:
    if as_json:
        print_json({"repository": row.to_message()})
    else:
        click.echo(f"repository {row.name} {what}", err=True)
