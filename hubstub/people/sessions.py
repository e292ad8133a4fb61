"""Sessions of people who signed in to the pages: each stands on a token and ends with it.

The cookie holds 256 random bits, of which only a SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..index.schema import sessions
from .tokens import Caller, check_token, find_token_caller

SESSION_S = 14 * 24 * 3600
"""How long a session lives, in seconds."""
_PER_TOKEN = 20


async def start_session(connection: AsyncConnection, token: str, now: float) -> str:
    """A session for whoever holds ``token``: what the cookie holds. Raises as :func:`check_token` does.

    Sessions that have expired go, and the oldest of this token when there are more than 20.
    """
    await check_token(connection, token, now)
    token_id = token.split("_")[1]
    await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    surplus = (
        select(sessions.c.id_hash)
        .where(sessions.c.token_id == token_id)
        .order_by(sessions.c.created_at.desc(), sessions.c.id_hash)
        .offset(_PER_TOKEN - 1)
    )
    old = (await connection.execute(surplus)).scalars().all()
    await connection.execute(delete(sessions).where(sessions.c.id_hash.in_(old)))
    secret = secrets.token_urlsafe(32)
    await connection.execute(
        insert(sessions).values(id_hash=_hash(secret), token_id=token_id, created_at=now, expires_at=now + SESSION_S)
    )
    return secret


async def find_session(connection: AsyncConnection, secret: str, now: float) -> Caller | None:
    """Who is signed in with this cookie; None when it is none, has expired, or its token is not valid any more."""
    query = select(sessions.c.token_id).where(sessions.c.id_hash == _hash(secret), sessions.c.expires_at > now)
    token_id = (await connection.execute(query)).scalar_one_or_none()
    return None if token_id is None else await find_token_caller(connection, token_id, now)


async def end_session(connection: AsyncConnection, secret: str) -> None:
    """Forget a session; one that is not there stays so."""
    await connection.execute(delete(sessions).where(sessions.c.id_hash == _hash(secret)))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
