"""Many rows at once into the index: compiled once and given to the driver as they are.

SQLAlchemy's own way processes each row in Python, which for the ten thousand rows of a push takes longer than the
database does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from ..index.database import Database

_compiled: dict[tuple[str, str, tuple[str, ...]], tuple[str, list[int]]] = {}
"""Database, table, columns → the statement and in which order it takes the columns."""


async def insert_missing_rows(
    database: Database,
    connection: AsyncConnection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Insert ``rows``, whose values stand in the order of ``columns``; those that are there stay as they are.

    Values go to the driver unchanged: bytes, text and numbers only.
    """
    if not rows:
        return
    key = (connection.dialect.name, table.name, columns)
    if key not in _compiled:
        statement = database.insert_missing(table).compile(dialect=connection.dialect, column_keys=list(columns))
        _compiled[key] = str(statement), [columns.index(name) for name in statement.positiontup or columns]
    text, places = _compiled[key]
    if places != list(range(len(columns))):
        rows = [tuple(row[place] for place in places) for row in rows]
    await connection.exec_driver_sql(text, list(rows))
