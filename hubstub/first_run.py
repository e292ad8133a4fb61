"""What a hub needs before it can serve: its first user with a token, and a secret of its own."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from museui.core.errors import Usage

from .index.database import Database
from .index.schema import objects, users
from .index.values import STORE, read_value, write_value
from .people.tokens import create_token
from .people.users import create_user

_URL_SECRET = "url_secret"
EMBEDDED = "the hub's folder"


async def ensure_owner(database: Database, name: str | None, default: str, now: float) -> tuple[str, str | None]:
    """The owner's name and, when they were not there before, their first token.

    Without a ``name`` it is whoever was here first, or ``default`` on an empty hub.
    Raises :class:`~museui.core.errors.Invalid` for a name that cannot be.
    """
    async with database.write(alone=True) as connection:
        query = select(users.c.name).where(users.c.removed_at.is_(None)).order_by(users.c.id).limit(1)
        if name is not None:
            query = query.where(users.c.name == name)
        present = (await connection.execute(query)).scalar_one_or_none()
        if present is not None:
            return str(present), None
        user = await create_user(connection, name or default, now)
        return user.name, await create_token(connection, user.id, now, scope="admin", label="first token")


async def ensure_url_secret(database: Database) -> bytes:
    """The 32 bytes that sign this hub's upload URLs, made on first use."""
    async with database.write(alone=True) as connection:
        value = await read_value(connection, _URL_SECRET)
        if value is None:
            value = secrets.token_hex(32)
            await write_value(connection, _URL_SECRET, value)
        return bytes.fromhex(value)


async def ensure_same_store(database: Database, name: str) -> None:
    """Remember that this hub's objects are in the store ``name``. Raises :class:`Usage` when they are in another."""
    async with database.write(alone=True) as connection:
        known = await read_value(connection, STORE)
        if known is None:
            anything = (await connection.execute(select(objects.c.id).limit(1))).first()
            known = EMBEDDED if anything else name
            await write_value(connection, STORE, known)
    if known != name:
        raise Usage(
            f"this hub keeps its objects in {known}, not in {name}",
            hint="Start it with the store it has, or choose another --data for a new hub.",
        )
