"""The daemon's database: opened, brought to the present tables, or set aside when it is damaged."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from museui.core.errors import Integrity, MuseError, Unavailable, Usage

from .migrations import MIGRATIONS

_SIDE_FILES = ("", "-wal", "-shm")


class Database:
    """One connection, which is the one writer. Statements run in its thread, one after the other."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._writing = asyncio.Lock()

    async def read(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows. Raises our errors."""
        async with _our_errors():
            return list(await self._connection.execute_fetchall(statement, values))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[aiosqlite.Connection]:
        """One transaction, on the disk when the block ends; blocks wait for each other."""
        async with self._writing, _our_errors():
            await self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                await self._connection.rollback()
                raise
            await self._connection.commit()

    async def close(self) -> None:
        """Close it; nothing is lost."""
        await self._connection.close()


@asynccontextmanager
async def _our_errors() -> AsyncIterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise Unavailable(f"the daemon's database cannot be used: {exc}", hint="Look at the disk.") from exc
    except sqlite3.DatabaseError as exc:
        raise Integrity(f"the daemon's database is damaged: {exc}", hint="Start the daemon anew.") from exc


async def open_database(path: Path) -> tuple[Database, MuseError | None]:
    """The database at ``path``, new when there is none.

    A damaged one is renamed and a new one made: then the second value says so. Raises :class:`Usage` for one that a
    newer version has written, :class:`Unavailable` when the disk fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return Database(await _connect(path)), None
    except sqlite3.OperationalError as exc:
        raise Unavailable(f"cannot open {path}: {exc}", hint="Look at the disk and at the folder's mode.") from exc
    except sqlite3.DatabaseError as exc:
        aside = _set_aside(path)
        trouble = Integrity(
            f"the daemon's database was damaged ({exc}): a new one was made, the queue from the repositories",
            hint=f"The history begins anew; the damaged file is {aside}.",
            details={"path": str(aside)},
        )
        return Database(await _connect(path)), trouble


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for suffix in _SIDE_FILES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.replace(aside.with_name(aside.name + suffix))
    return aside


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=0"):
            await connection.execute(f"PRAGMA {pragma}")
        found = [row[0] for row in await connection.execute_fetchall("PRAGMA quick_check(1)")]
        if found != ["ok"]:
            raise sqlite3.DatabaseError(str(found[0]).strip() if found else "it cannot be checked")
        await _migrate(connection, path)
    except BaseException:
        await connection.close()
        raise
    await asyncio.to_thread(path.chmod, 0o600)
    return connection


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    ((present,),) = await connection.execute_fetchall("PRAGMA user_version")
    if present > len(MIGRATIONS):
        raise Usage(
            f"{path} was written by a newer version of MuseUI (its number is {present}, ours {len(MIGRATIONS)})",
            hint="Install that version again.",
        )
    await _apply(connection, list(enumerate(MIGRATIONS, 1))[present:])


async def _apply(connection: aiosqlite.Connection, migrations: Iterable[tuple[int, tuple[str, ...]]]) -> None:
    for number, statements in migrations:
        await connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                await connection.execute(statement)
            await connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            await connection.rollback()
            raise
        await connection.commit()
