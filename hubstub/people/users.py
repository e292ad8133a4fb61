"""The people of a hub. A user is a name; what they may do comes from their tokens and their repositories."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid, NotFound
from museui.core.names import check_owner

from ..index.locks import lock_user
from ..index.schema import collaborators, repositories, signing_keys, tokens, users


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
        raise Invalid(f"there is a user {name!r} already, or was once", details={"field": "name"})
    result = await connection.execute(insert(users).values(name=name, created_at=now).returning(users.c.id))
    return UserRow(result.scalar_one(), name, now)


async def find_user(connection: AsyncConnection, name: str) -> UserRow:
    """The user called ``name``. Raises :class:`NotFound`."""
    query = select(users).where(users.c.name == name, users.c.removed_at.is_(None))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no user {name!r:.120}", hint="'museui hub user list' shows who there is.")
    return UserRow(row.id, row.name, row.created_at)


async def remove_user(connection: AsyncConnection, name: str, now: float) -> None:
    """Let a user do nothing any more: no token, no access, no key of theirs is good. What they did stays theirs.

    Raises :class:`NotFound`, and :class:`Invalid` while they own repositories.
    """
    user = await find_user(connection, name)
    await lock_user(connection, user.id)
    owned = select(repositories.c.slug).where(repositories.c.owner_id == user.id).order_by(repositories.c.slug)
    slugs = (await connection.execute(owned)).scalars().all()
    if slugs:
        raise Invalid(
            f"{name!r} owns {len(slugs)} repositories, {slugs[0]!r} among them",
            hint="Delete them first: 'museui hub repo delete'.",
        )
    for table in (tokens, signing_keys):
        mine = (table.c.user_id == user.id, table.c.revoked_at.is_(None))
        await connection.execute(update(table).where(*mine).values(revoked_at=now))
    await connection.execute(delete(collaborators).where(collaborators.c.user_id == user.id))
    await connection.execute(update(users).where(users.c.id == user.id).values(removed_at=now))


async def list_users(connection: AsyncConnection) -> list[UserRow]:
    """Every user, oldest first."""
    rows = await connection.execute(select(users).where(users.c.removed_at.is_(None)).order_by(users.c.id))
    return [UserRow(row.id, row.name, row.created_at) for row in rows]
