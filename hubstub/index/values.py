"""Single values that a hub keeps in the table ``settings``."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from .schema import settings

STORE = "store"
"""The name of the value that says which store the hub has."""


async def read_value(connection: AsyncConnection, name: str) -> str | None:
    """Return the value called ``name``, None when there is none."""
    query = select(settings.c.value).where(settings.c.name == name)
    value: str | None = (await connection.execute(query)).scalar_one_or_none()
    return value


async def write_value(connection: AsyncConnection, name: str, value: str) -> None:
    """Keep ``value`` under ``name``. Two first writers at once: the second's transaction fails, and is done again."""
    changed = await connection.execute(update(settings).where(settings.c.name == name).values(value=value))
    if not changed.rowcount:
        await connection.execute(insert(settings).values(name=name, value=value))


async def forget_value(connection: AsyncConnection, name: str) -> None:
    """Keep nothing under ``name``."""
    await connection.execute(delete(settings).where(settings.c.name == name))
