"""What transactions that write wait for on PostgreSQL. On SQLite there is one writer, and none of this costs anything.

Whoever takes several takes them in this order: user, repository; then rows by their keys.  So nobody waits for somebody
who waits for them.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from .schema import repositories, users


async def lock_user(connection: AsyncConnection, user_id: int) -> None:
    """Until the transaction ends, nobody else who asks for this lock goes on. Others may still read and refer to it."""
    await connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True))


async def lock_repository(connection: AsyncConnection, repository_id: int) -> bool:
    """As :func:`lock_user`, for what is in a repository: branches, commits, members, rules. Whether it is there."""
    query = select(repositories.c.id).where(repositories.c.id == repository_id)
    return (await connection.execute(query.with_for_update(key_share=True))).first() is not None
