"""The database behind the hub's index: SQLite through aiosqlite by default.

SQLite: WAL, ``synchronous=FULL``, no mmap, foreign keys on, and one writer in this process (a lock), whose
transactions begin IMMEDIATE; readers have their own connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Insert, Table, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from museui.core.errors import Unavailable

from .schema import metadata

_BUSY_TIMEOUT_S = 10


class Database:
    """Opens connections: :meth:`read` for queries, :meth:`write` for one transaction that changes something."""

    def __init__(self, url: str) -> None:
        """``url``: an SQLAlchemy URL, ``sqlite+aiosqlite:///path``."""
        self._engine: AsyncEngine = create_async_engine(url, pool_size=4, max_overflow=4)
        self._writer = asyncio.Lock()
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _configure_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)

    async def open(self) -> None:
        """Create what is missing in the schema."""
        async with self.write() as connection:
            await connection.run_sync(metadata.create_all)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries, one consistent view.

        Raises :class:`Unavailable` when the database does not answer.
        """
        with _database_errors():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed on leaving, rolled back on an exception; one at a time in this process."""
        async with self._writer:
            with _database_errors():
                async with self._engine.connect() as connection:
                    connection = await connection.execution_options(museui_write=True)
                    async with connection.begin():
                        yield connection

    def insert_missing(self, table: Table) -> Insert:
        """``INSERT … ON CONFLICT DO NOTHING``: rows that are there stay as they are."""
        if self._engine.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert as sqlite_insert

            return sqlite_insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table).on_conflict_do_nothing()


class _database_errors:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if isinstance(exc, OperationalError) or (isinstance(exc, DBAPIError) and exc.connection_invalidated):
            raise Unavailable("the hub's database does not answer", hint="Try again in a moment.") from exc


def _configure_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "mmap_size=0",
        f"busy_timeout={_BUSY_TIMEOUT_S * 1000}",
        "cache_size=-16384",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    write = connection.get_execution_options().get("museui_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
