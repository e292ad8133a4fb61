"""``museui hub user quota`` and ``museui hub repo quota``: how much one of them may hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import change, data_option, json_option, parse_size, print_json

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_ALLOWANCE = "10G|none|default"


@click.command("quota")
@click.argument("name")
@click.argument("allowance", metavar=_ALLOWANCE)
@data_option
@json_option
def user_quota(name: str, allowance: str, data_dir: Path, as_json: bool) -> None:
    """Bound what all repositories of a user hold together; 'default' is what the hub was started with."""
    quota_bytes = _parse_allowance(allowance)

    async def work(connection: AsyncConnection) -> None:
        from ..people.users import find_user
        from ..push.quota import set_user_quota

        await set_user_quota(connection, (await find_user(connection, name)).id, quota_bytes)

    change(data_dir, work)
    _say(name, allowance, quota_bytes, as_json)


@click.command("quota")
@click.argument("name", metavar="OWNER/SLUG")
@click.argument("allowance", metavar=_ALLOWANCE)
@data_option
@json_option
def repository_quota(name: str, allowance: str, data_dir: Path, as_json: bool) -> None:
    """Bound what a repository holds; 'default' is what the hub was started with."""
    quota_bytes = _parse_allowance(allowance)

    async def work(connection: AsyncConnection) -> None:
        from ..people.repositories import require_repository
        from ..push.quota import set_repository_quota

        await set_repository_quota(connection, (await require_repository(connection, name)).id, quota_bytes)

    change(data_dir, work)
    _say(name, allowance, quota_bytes, as_json)


def _parse_allowance(text: str) -> int | None:
    from ..push.quota import NO_QUOTA

    if text == "default":
        return None
    return NO_QUOTA if text == "none" else parse_size(text)


def _say(name: str, allowance: str, quota_bytes: int | None, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "quota_bytes": quota_bytes})
    else:
        click.echo(f"quota of {name}: {allowance}", err=True)
