"""``museui hub key``: whose signing keys are whose."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import ask, change, data_option, json_option, print_json, print_rows, render_time

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ..people.keys import KeyRow


@click.group()
def key() -> None:
    """Signing keys: enrolled as somebody's, good until they are revoked."""


@key.command("add")
@click.argument("user")
@click.argument("public_key", metavar="ED25519:…")
@click.option("--label", default="", help="What it is.")
@data_option
@json_option
def add(user: str, public_key: str, label: str, data_dir: Path, as_json: bool) -> None:
    """Enrol a public key as USER's; 'museui keys show' prints theirs."""
    from ..people.keys import enrol_key, parse_public_key
    from ..people.users import find_user

    raw = parse_public_key(public_key)

    async def work(connection: AsyncConnection) -> KeyRow:
        return await enrol_key(connection, (await find_user(connection, user)).id, raw, label, time.time())

    made = change(data_dir, work)
    if as_json:
        print_json({"key": asdict(made)})
    else:
        click.echo(f"key {made.key_id} is {made.user}'s", err=True)


@key.command("list")
@click.option("--user", metavar="NAME", help="This user's alone.")
@data_option
@json_option
def list_(user: str | None, data_dir: Path, as_json: bool) -> None:
    """Show every key."""
    from ..people.keys import list_keys

    found = ask(data_dir, lambda connection: list_keys(connection, user))
    if as_json:
        print_json({"keys": [asdict(item) for item in found]})
    elif found:
        head = ("ID", "USER", "ENROLLED", "REVOKED", "KEY", "LABEL")
        print_rows([head, *(_cells(item) for item in found)])


@key.command("revoke")
@click.argument("user")
@click.argument("key_id", metavar="ID")
@data_option
@json_option
def revoke(user: str, key_id: str, data_dir: Path, as_json: bool) -> None:
    """Take a key of USER's for no new commit any more. What it signed stays."""
    from ..people.keys import revoke_key
    from ..people.users import find_user

    async def work(connection: AsyncConnection) -> None:
        await revoke_key(connection, (await find_user(connection, user)).id, key_id, time.time())

    change(data_dir, work)
    if as_json:
        print_json({})
    else:
        click.echo("revoked", err=True)


def _cells(item: KeyRow) -> tuple[str, ...]:
    revoked = render_time(item.revoked_at)
    return (item.key_id, item.user, render_time(item.created_at), revoked, item.public_key, item.label)
