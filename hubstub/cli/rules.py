"""``museui hub repo protect|unprotect|policy``: what a repository asks of the pushes to it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import ask, change, data_option, json_option, print_json, print_rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ..people.protection import Protection
    from ..people.repositories import RepositoryRow


@click.command("protect")
@click.argument("name", metavar="OWNER/SLUG")
@click.argument("pattern", required=False)
@click.option("--signed-only", is_flag=True, help="Take signed commits only.")
@click.option("--allow-force", is_flag=True, help="Take force, which is refused otherwise.")
@data_option
@json_option
def protect(
    name: str, pattern: str | None, signed_only: bool, allow_force: bool, data_dir: Path, as_json: bool
) -> None:
    """Protect the branches that PATTERN matches; '*' in it stands for any characters. Without one, show what is."""
    from ..people.protection import Protection as Made
    from ..people.protection import check_pattern, list_protections, protect_branches
    from ..people.repositories import require_repository

    async def read(connection: AsyncConnection) -> list[Protection]:
        return await list_protections(connection, (await require_repository(connection, name)).id)

    async def write(connection: AsyncConnection) -> list[Protection]:
        made = Made(check_pattern(pattern or ""), allow_force, signed_only, time.time())
        await protect_branches(connection, (await require_repository(connection, name)).id, made)
        return await read(connection)

    found = change(data_dir, write) if pattern is not None else ask(data_dir, read)
    if as_json:
        print_json({"protected": [asdict(item) for item in found]})
    elif found:
        print_rows([(item.pattern, _force(item), "signed only" if item.signed_only else "") for item in found])


def _force(item: Protection) -> str:
    return "force" if item.allows_force else "no force"


@click.command("unprotect")
@click.argument("name", metavar="OWNER/SLUG")
@click.argument("pattern")
@data_option
@json_option
def unprotect(name: str, pattern: str, data_dir: Path, as_json: bool) -> None:
    """Take PATTERN away again."""
    from ..people.protection import unprotect_branches
    from ..people.repositories import require_repository

    async def work(connection: AsyncConnection) -> None:
        await unprotect_branches(connection, (await require_repository(connection, name)).id, pattern)

    change(data_dir, work)
    if as_json:
        print_json({})
    else:
        click.echo(f"{pattern} is not protected any more", err=True)


@click.command("policy")
@click.argument("name", metavar="OWNER/SLUG")
@click.argument("policy", required=False, type=click.Choice(["off", "valid", "trusted"]))
@data_option
@json_option
def signing_policy(name: str, policy: str | None, data_dir: Path, as_json: bool) -> None:
    """Set which signatures new commits need; without a POLICY, show it.

    off: signatures are not looked at. valid: one that is there must check. trusted: every new commit is signed by a
    key that somebody who may write has enrolled.
    """
    from ..people.repositories import change_repository, parse_signing_policy, require_repository

    async def work(connection: AsyncConnection) -> RepositoryRow:
        found = await require_repository(connection, name)
        if policy is None:
            return found
        return await change_repository(connection, found.id, signing_policy=parse_signing_policy(policy))

    found = ask(data_dir, work) if policy is None else change(data_dir, work)
    if as_json:
        print_json({"repository": found.to_message()})
    else:
        click.echo(found.signing_policy)
