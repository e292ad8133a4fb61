"""``museui hub token``: what lets people and programs in."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import ask, change, data_option, json_option, parse_duration, print_json, print_rows, render_time

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ..people.tokens import TokenRow


@click.group()
def token() -> None:
    """Tokens: shown once, kept as a hash, valid until they expire or are revoked."""


@token.command("create")
@click.argument("name")
@data_option
@click.option("--scope", type=click.Choice(["read", "write", "admin"]), default="write", show_default=True)
@click.option("--repo", metavar="OWNER/SLUG", help="Good for this repository alone.")
@click.option("--expires", metavar="TIME", help="How long it is good for: 30d, 12h, 15m.  [default: for ever]")
@click.option("--label", default="", help="What it is for.")
@json_option
def create(
    name: str, data_dir: Path, scope: str, repo: str | None, expires: str | None, label: str, as_json: bool
) -> None:
    """Make a token for the user NAME and print it, and nothing else."""
    from ..people.repositories import require_repository
    from ..people.tokens import create_token, parse_scope
    from ..people.users import find_user

    now = time.time()
    expires_at = now + parse_duration(expires) if expires else None

    async def work(connection: AsyncConnection) -> str:
        owner = await find_user(connection, name)
        repository = await require_repository(connection, repo) if repo else None
        return await create_token(
            connection,
            owner.id,
            now,
            scope=parse_scope(scope),
            repository_id=repository.id if repository else None,
            expires_at=expires_at,
            label=label,
        )

    made = change(data_dir, work)
    if as_json:
        print_json({"token": made, "user": name, "scope": scope, "repository": repo, "expires_at": expires_at})
    else:
        click.echo(made)


@token.command("list")
@data_option
@click.option("--user", metavar="NAME", help="This user's alone.")
@json_option
def list_(data_dir: Path, user: str | None, as_json: bool) -> None:
    """Show every token, without its secret."""
    from ..people.tokens import list_tokens

    found = ask(data_dir, lambda connection: list_tokens(connection, user))
    if as_json:
        print_json({"tokens": [asdict(item) for item in found]})
    elif found:
        head = ("ID", "USER", "SCOPE", "REPOSITORY", "CREATED", "EXPIRES", "LABEL")
        print_rows([head, *(_cells(item) for item in found)])


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@data_option
@json_option
def revoke(token_id: str, data_dir: Path, as_json: bool) -> None:
    """Make a token worthless, at once."""
    from ..people.tokens import revoke_token

    change(data_dir, lambda connection: revoke_token(connection, token_id, time.time()))
    if as_json:
        print_json({})
    else:
        click.echo("revoked", err=True)


def _cells(item: TokenRow) -> tuple[str, ...]:
    expires = f"revoked {render_time(item.revoked_at)}" if item.revoked_at else render_time(item.expires_at)
    return (item.id, item.user, item.scope, item.repository or "all", render_time(item.created_at), expires, item.label)
