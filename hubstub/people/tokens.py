"""Tokens: ``muse_<id>_<secret>``, 256 bits of secret, of which only a SHA-256 is ever kept.

A token is looked up by its id and compared in constant time; nothing is cached, so a revocation holds at once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid, NotFound, Unauthorized
from museui.core.names import check_line

from ..index.schema import repositories, tokens, users

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")

_TOKEN = re.compile(r"muse_([0-9a-f]{16})_([A-Za-z0-9_-]{43})").fullmatch


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and what their token is good for. ``repository_id`` None: all that is the user's."""

    user_id: int
    name: str
    scope: Scope
    repository_id: int | None
    token_id: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as lists show it: never with its secret. Times are Unix seconds."""

    id: str
    user: str
    scope: str
    repository: str | None
    label: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None


def parse_scope(value: str) -> Scope:
    """``value`` when it is a scope; raises :class:`Invalid` otherwise."""
    if value not in SCOPES:
        raise Invalid(f"not a scope: {value!r:.40}", hint="A scope is read, write or admin.")
    return value


async def create_token(
    connection: AsyncConnection,
    user_id: int,
    now: float,
    *,
    scope: Scope = "write",
    repository_id: int | None = None,
    expires_at: float | None = None,
    label: str = "",
) -> str:
    """A new token, to be shown once. Raises :class:`Invalid` for a label that is not a line."""
    check_line(label, "label")
    token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    await connection.execute(
        insert(tokens).values(
            id=token_id,
            user_id=user_id,
            secret_hash=_hash(secret),
            scope=scope,
            repository_id=repository_id,
            expires_at=expires_at,
            label=label,
            created_at=now,
        )
    )
    return f"muse_{token_id}_{secret}"


async def check_token(connection: AsyncConnection, token: str, now: float) -> Caller:
    """Whose token this is. Raises :class:`Unauthorized`, always the same, when it is not (or no longer) one."""
    match = _TOKEN(token)
    row = await _live_token(connection, match[1], now) if match else None
    if match is None or row is None or not hmac.compare_digest(row.secret_hash, _hash(match[2])):
        raise _not_valid()
    return _caller(row)


async def require_live_token(connection: AsyncConnection, token_id: str, now: float) -> None:
    """Raise :class:`Unauthorized` when a token that was checked before has expired or been revoked since."""
    if await _live_token(connection, token_id, now) is None:
        raise _not_valid()


async def find_token_caller(connection: AsyncConnection, token_id: str, now: float) -> Caller | None:
    """Whose token has this id, for one who has shown it before; None when it is not valid (any more)."""
    row = await _live_token(connection, token_id, now)
    return _caller(row) if row else None


async def _live_token(connection: AsyncConnection, token_id: str, now: float) -> Row[*tuple[Any, ...]] | None:
    query = select(tokens, users.c.name).join(users, users.c.id == tokens.c.user_id).where(tokens.c.id == token_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return row


def _caller(row: Row[*tuple[Any, ...]]) -> Caller:
    return Caller(row.user_id, row.name, row.scope, row.repository_id, row.id)


async def list_tokens(connection: AsyncConnection, user: str | None = None) -> list[TokenRow]:
    """Every token, or one user's, oldest first."""
    query = _select().order_by(tokens.c.created_at, tokens.c.id)
    if user is not None:
        query = query.where(users.c.name == user)
    return [_token_row(row) for row in await connection.execute(query)]


async def find_token(connection: AsyncConnection, token_id: str) -> TokenRow:
    """The token with this id. Raises :class:`NotFound`."""
    row = (await connection.execute(_select().where(tokens.c.id == token_id))).one_or_none()
    if row is None:
        raise _no_such_token()
    return _token_row(row)


async def revoke_token(connection: AsyncConnection, token_id: str, now: float) -> None:
    """Revoke by id, or by the whole token. Raises :class:`NotFound`; revoking twice keeps the first time."""
    match = _TOKEN(token_id)
    changed = await connection.execute(
        update(tokens)
        .where(tokens.c.id == (match[1] if match else token_id))
        .values(revoked_at=func.coalesce(tokens.c.revoked_at, now))
    )
    if not changed.rowcount:
        raise _no_such_token()


def _not_valid() -> Unauthorized:
    return Unauthorized(
        "the token is not valid",
        hint="It may have expired or been revoked; whoever runs the hub can make a new one.",
    )


def _no_such_token() -> NotFound:
    return NotFound("there is no such token", hint="'museui hub token list' shows the ids.")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _select() -> Select[*tuple[Any, ...]]:
    owner = users.alias("owner")
    name = (
        select(owner.c.name + "/" + repositories.c.slug)
        .select_from(repositories.join(owner, owner.c.id == repositories.c.owner_id))
        .where(repositories.c.id == tokens.c.repository_id)
        .scalar_subquery()
    )
    return select(tokens, users.c.name.label("user"), name.label("repository")).join(
        users, users.c.id == tokens.c.user_id
    )


def _token_row(row: Row[*tuple[object, ...]]) -> TokenRow:
    fields: Sequence[str] = tuple(TokenRow.__dataclass_fields__)
    return TokenRow(**{name: getattr(row, name) for name in fields})
