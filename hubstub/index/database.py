"""The database behind the hub's index: SQLite through aiosqlite by default, PostgreSQL for more than one hub.

SQLite has one writing connection in this process, whose transactions begin IMMEDIATE; readers have connections of
their own that cannot write.  Only the writer of the process that serves checkpoints the WAL: before 3.51.3 SQLite
could damage it when several writing connections did.

On PostgreSQL transactions that write run side by side, READ COMMITTED; what must not, takes a lock
(:mod:`hubstub.index.locks`).  Who writes ``alone`` waits until all others have ended.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Insert, Table, event, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from museui.core.errors import Invalid, Unavailable

from ..metrics import DATABASE_ERRORS, DATABASE_RETRIES, DATABASE_WAIT_SECONDS
from .database_file import DatabaseFile
from .migrate import HEAD, migrate, read_revision, require_head
from .postgresql import create_engine, is_contended, is_postgresql, is_unavailable, is_unstorable, server_name
from .sqlite import configure_sqlite, describe_failure

_TRIES = 8
_FIRST_PAUSE_S = 0.01
_WRITERS = 0x6D757365
"""The lock that all who write share, and who writes alone has alone."""

T = TypeVar("T")


class Database:
    """Opens connections: :meth:`read` for queries, :meth:`write` for one transaction that changes something."""

    def __init__(self, url: str, *, checkpoints: bool = True) -> None:
        """``url``: ``sqlite+aiosqlite:///path`` or ``postgresql://user@host/database``.

        ``checkpoints``: whether this process owns the checkpoints of SQLite; commands beside a running hub do not.
        Raises :class:`~museui.core.errors.Usage` when PostgreSQL's driver is not installed.
        """
        self.is_shared = is_postgresql(url)
        """Whether other hubs may work on it at the same time."""
        self._url = url
        self._file: DatabaseFile | None = None
        self._turn: AbstractAsyncContextManager[Any]
        self._readers: AsyncEngine
        self._write_engine: AsyncEngine
        if self.is_shared:
            self._turn = nullcontext()
            self._readers = create_engine(url, read_only=True, pool_size=4, max_overflow=4)
            self._write_engine = create_engine(url, read_only=False, pool_size=4, max_overflow=4)
        else:
            self._turn = asyncio.Lock()
            self._readers = create_async_engine(url, pool_size=4, max_overflow=4)
            self._write_engine = create_async_engine(url, pool_size=1, max_overflow=0)
            configure_sqlite(self._readers, "BEGIN", ("query_only=ON", "wal_autocheckpoint=0"))
            own = () if checkpoints else ("wal_autocheckpoint=0",)
            configure_sqlite(self._write_engine, "BEGIN IMMEDIATE", own)
            self._file = DatabaseFile(Path(make_url(url).database or ""))
            for engine in (self._readers, self._write_engine):
                # A file that is gone must not come into being again, empty, because somebody asks a question.
                event.listen(engine.sync_engine, "do_connect", lambda *_: self.check_file())

    @property
    def name(self) -> str:
        """The name of the database in messages."""
        return f"the database {str(self._file.path)!r}" if self._file else server_name(self._url)

    @property
    def is_missing(self) -> bool:
        """Whether there is no file of SQLite's, or an empty one; the next connection would make it."""
        return self._file is not None and self._file.is_missing

    def check_file(self) -> None:
        """Raise :class:`Unavailable` when the file of SQLite's was removed or replaced since it was opened."""
        if self._file is not None:
            self._file.check()

    async def open(self) -> None:
        """Make the tables, or bring them up to date (:mod:`hubstub.index.migrate`).

        Raises :class:`~museui.core.errors.Usage` for a database of a newer program, or of another one.
        """
        async with self.write() as connection:
            revision = await connection.run_sync(read_revision)
        if revision != HEAD:
            async with self.write(alone=True) as connection:
                await connection.run_sync(migrate)
        self._remember_file()

    async def require_open(self) -> None:
        """Raise :class:`~museui.core.errors.Usage` unless this version's :meth:`open` has been here."""
        async with self.read() as connection:
            await connection.run_sync(require_head)
        self._remember_file()

    def _remember_file(self) -> None:
        if self._file is not None:
            self._file.remember()

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
        """One transaction, committed on leaving, rolled back on an exception. On SQLite one at a time.

        ``alone``: nobody else writes meanwhile, in no process, and what it reads is what all others have left.
        For what cannot meet another transaction on the same rows; everything else is for :meth:`change`.
        Raises :class:`Unavailable` when the database does not answer, :class:`Invalid` for what it cannot hold.
        """
        began = time.perf_counter()
        async with self._turn:
            DATABASE_WAIT_SECONDS.observe(time.perf_counter() - began)
            with _database_errors():
                async with self._write_engine.begin() as connection:
                    if self.is_shared:
                        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
                        await connection.execute(select(lock(_WRITERS)))
                    info = connection.info
                    if self._file is not None:
                        self._file.check(info)
                    yield connection
                if self._file is not None:
                    self._file.check(info)  # what was committed into a file that was gone by then is not acknowledged

    async def change(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """What ``work`` gives, done in one transaction; done again when another transaction was in its way.

        A row that somebody else inserted between ``work``'s look and its own insert is such a case: the next time
        it sees the row.  Raises as :meth:`write` and ``work`` do.
        """
        for tried in range(1, _TRIES + 1):
            try:
                async with self.write() as connection:
                    return await work(connection)
            except Unavailable as exc:
                if tried == _TRIES or not is_contended(exc.__cause__):
                    raise
            DATABASE_RETRIES.inc()
            await asyncio.sleep(random.uniform(0, _FIRST_PAUSE_S * 2**tried))
        raise AssertionError("unreachable")

    async def describe(self) -> dict[str, str]:
        """Which database it is, and its version: for the log."""
        if not self.is_shared:
            return {"sqlite": sqlite3.sqlite_version}
        async with self.read() as connection:
            return {"postgresql": str((await connection.execute(text("SHOW server_version"))).scalar_one())}

    def insert_missing(self, table: Table) -> Insert:
        """``INSERT … ON CONFLICT DO NOTHING``: rows that are there stay as they are."""
        if self.is_shared:
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            return postgresql_insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table).on_conflict_do_nothing()

    def insert_or_replace(self, table: Table, replaced: tuple[str, ...]) -> Insert:
        """``INSERT … ON CONFLICT DO UPDATE``, of SQLite: rows that are there get new values of ``replaced``."""
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        statement = sqlite_insert(table)
        values = {name: statement.excluded[name] for name in replaced}
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


class _database_errors:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if isinstance(exc, DBAPIError) and not exc.connection_invalidated and is_unstorable(exc):
            raise Invalid("the hub's database cannot hold one of the values", details={"rule": "storable"}) from exc
        if failure := describe_failure(exc):
            DATABASE_ERRORS.inc()
            raise failure from exc
        lost = isinstance(exc, DBAPIError) and (exc.connection_invalidated or is_unavailable(exc))
        if lost or isinstance(exc, (OperationalError, sqlite3.OperationalError, TimeoutError)):
            DATABASE_ERRORS.inc()
            raise Unavailable("the hub's database does not answer", hint="Try again in a moment.") from exc
