"""What is remembered of each repository: which one it was, and since when it is or is not safe."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import aiosqlite

from ..store.database import Database


@dataclass(frozen=True, slots=True)
class Remembered:
    """``device`` and ``inode`` are the ``.muse`` folder's; ``told_at``: when people were told that it is unsafe."""

    path: str
    repo_id: str | None = None
    device: int | None = None
    inode: int | None = None
    safe_at: float | None = None
    unsafe_since: float | None = None
    told_at: float | None = None


async def read_remembered(database: Database) -> dict[str, Remembered]:
    """By path."""
    rows = await database.read("SELECT * FROM repositories")
    return {row["path"]: Remembered(**{item.name: row[item.name] for item in fields(Remembered)}) for row in rows}


async def write_remembered(database: Database, remembered: Remembered) -> None:
    """Note it."""
    async with database.write() as connection:
        await put_remembered(connection, remembered)


async def put_remembered(connection: aiosqlite.Connection, remembered: Remembered) -> None:
    """Note it as part of a transaction."""
    names = [item.name for item in fields(Remembered)]
    await connection.execute(
        f"INSERT OR REPLACE INTO repositories ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        astuple(remembered),
    )
