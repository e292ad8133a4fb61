"""The people of a hub. A user is a name; what they may do comes from their tokens and their repositories."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid, NotFound
from museui.core.names import check_owner

from ..index.schema import users


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user. ``created_at`` in Unix seconds."""

    id: int
    name: str
    created_at: float


async def create_user(connection: AsyncConnection, name: str, now: float) -> UserRow:
    """A new user. Raises :class:`Invalid` when the name is not acceptable or, in any case of letters, taken."""
    check_owner(name)
    if (await connection.execute(select(users.c.id).where(func.lower(users.c.name) == name.lower()))).first():
        raise Invalid(f"there is a user {name!r} already", details={"field": "name"})
    result = await connection.execute(insert(users).values(name=name, created_at=now).returning(users.c.id))
    return UserRow(result.scalar_one(), name, now)


async def find_user(connection: AsyncConnection, name: str) -> UserRow:
    """The user called ``name``. Raises :class:`NotFound`."""
    row = (await connection.execute(select(users).where(users.c.name == name))).one_or_none()
    if row is None:
        raise NotFound(f"there is no user {name!r:.120}", hint="'museui hub user list' shows who there is.")
    return UserRow(row.id, row.name, row.created_at)


async def list_users(connection: AsyncConnection) -> list[UserRow]:
    """Every user, oldest first."""
    rows = await connection.execute(select(users).order_by(users.c.id))
    return [UserRow(row.id, row.name, row.created_at) for row in rows]
