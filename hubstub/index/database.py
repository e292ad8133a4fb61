"""The database behind the hub's index: SQLite through aiosqlite by default.

SQLite: WAL, ``synchronous=FULL``, no mmap, foreign keys on, and one writing connection in this process, whose
transactions begin IMMEDIATE; readers have connections of their own that cannot write.  Only the writer of the process
that serves checkpoints the WAL: before 3.51.3 SQLite could damage it when several writing connections did.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Insert, Table, event
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from museui.core.errors import Unavailable

from .schema import metadata

_BUSY_TIMEOUT_S = 10
_PRAGMAS = (
    f"busy_timeout={_BUSY_TIMEOUT_S * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "mmap_size=0",
    "cache_size=-16384",
)


class Database:
    """Opens connections: :meth:`read` for queries, :meth:`write` for one transaction that changes something."""

    def __init__(self, url: str, *, checkpoints: bool = True) -> None:
        """``url``: an SQLAlchemy URL, ``sqlite+aiosqlite:///path``.

        ``checkpoints``: whether this process owns the checkpoints of SQLite; commands beside a running hub do not.
        """
        self._writer = asyncio.Lock()
        self._readers: AsyncEngine = create_async_engine(url, pool_size=4, max_overflow=4)
        self._write_engine: AsyncEngine = create_async_engine(url, pool_size=1, max_overflow=0)
        if self._readers.dialect.name == "sqlite":
            _configure_sqlite(self._readers, "BEGIN", ("query_only=ON", "wal_autocheckpoint=0"))
            own = () if checkpoints else ("wal_autocheckpoint=0",)
            _configure_sqlite(self._write_engine, "BEGIN IMMEDIATE", own)

    async def open(self) -> None:
        """Create what is missing in the schema."""
        async with self.write() as connection:
            await connection.run_sync(metadata.create_all)

    async def close(self) -> None:
        """Close every connection, the writer last."""
        await self._readers.dispose()
        await self._write_engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries, one consistent view.

        Raises :class:`Unavailable` when the database does not answer.
        """
        with _database_errors():
            async with self._readers.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, alone: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed on leaving, rolled back on an exception; one at a time in this process.

        ``alone``: no other process writes meanwhile either, and what it reads is what all others have left.  SQLite
        has it no other way.
        """
        async with self._writer:
            with _database_errors():
                async with self._write_engine.begin() as connection:
                    yield connection

    def insert_missing(self, table: Table) -> Insert:
        """``INSERT … ON CONFLICT DO NOTHING``: rows that are there stay as they are."""
        if self._readers.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert as sqlite_insert

            return sqlite_insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table).on_conflict_do_nothing()


class _database_errors:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        lost = isinstance(exc, DBAPIError) and exc.connection_invalidated
        if lost or isinstance(exc, (OperationalError, sqlite3.OperationalError, TimeoutError)):
            raise Unavailable("the hub's database does not answer", hint="Try again in a moment.") from exc


def _configure_sqlite(engine: AsyncEngine, begin: str, pragmas: tuple[str, ...]) -> None:
    def on_connect(connection: Any, record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*_PRAGMAS, *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: Any) -> None:
        connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(begin))

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
