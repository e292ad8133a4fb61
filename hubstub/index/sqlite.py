"""How the hub uses SQLite: WAL, ``synchronous=FULL``, no mmap, foreign keys on, transactions that begin as told."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from museui.core.errors import Unavailable

BUSY_TIMEOUT_S = 10
PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "mmap_size=0",
    "cache_size=-16384",
)


def configure_sqlite(engine: AsyncEngine, begin: str, pragmas: tuple[str, ...]) -> None:
    """Give each connection ``pragmas`` besides the usual ones, and let each transaction start with ``begin``."""

    def on_connect(connection: Any, record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: Any) -> None:
        connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(begin))

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)


def describe_failure(exc: BaseException | None) -> Unavailable | None:
    """Return the failure in words when SQLite finds the file damaged or without room; None for anything else."""
    original = exc.orig if isinstance(exc, DBAPIError) else exc
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF if isinstance(original, sqlite3.Error) else 0
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Unavailable(
            f"the hub's database is damaged: {original}",
            hint="Whoever runs the hub: stop it and put hub.sqlite3 back from a backup, or let "
            "'sqlite3 hub.sqlite3 .recover' save what it can.",
            details={"rule": "database_damaged"},
        )
    if code == sqlite3.SQLITE_FULL:
        return Unavailable(
            "the hub's database has no room left on its disk",
            hint="Whoever runs the hub: make room there; nothing was recorded.",
        )
    return None
