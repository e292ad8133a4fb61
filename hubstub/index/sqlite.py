"""How the hub uses SQLite: WAL, ``synchronous=FULL``, no mmap, foreign keys on, transactions that begin as told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

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
