"""Many rows at once into the index: compiled once and given to the driver as they are.

SQLAlchemy's own way processes each row in Python, which for the ten thousand rows of a push takes longer than the
database does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_rows(
    connection: AsyncConnection, statement: Insert, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Execute ``statement`` for each of ``rows``, whose values stand in the order of ``columns``.

    Values go to the driver unchanged: bytes, text and numbers only.
    """
    if not rows:
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
    order = list(compiled.positiontup or columns)
    if order != list(columns):
        places = [columns.index(name) for name in order]
        rows = [tuple(row[place] for place in places) for row in rows]
    await connection.exec_driver_sql(str(compiled), list(rows))
