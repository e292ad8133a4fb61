"""Many rows at once into the index: compiled once and given to the driver as they are.

SQLAlchemy's own way processes each row in Python, which for the ten thousand rows of a push takes longer than the
database does.  SQLite takes them one by one; PostgreSQL as one array for each column, which is four times as fast as
one by one and, unlike COPY, leaves rows alone that are there (7,235 rows: 0.05 s; COPY into a table of its own and
from there 0.10 s).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Dialect, Insert, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from ..index.database import Database

Rows = Sequence[tuple[Any, ...]]

_compiled: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], tuple[str, Callable[[Rows], Any]]] = {}
"""Database, table, columns, those that are replaced → the statement, and what turns rows into its parameters."""


async def insert_rows(
    database: Database,
    connection: AsyncConnection,
    table: Table,
    columns: tuple[str, ...],
    rows: Rows,
    replaced: tuple[str, ...] = (),
) -> None:
    """Insert ``rows``, whose values stand in the order of ``columns``.

    Rows that are there stay as they are, but for the columns ``replaced``, which get the new values. Values go to the
    driver unchanged: bytes, text and numbers only.
    """
    if not rows:
        return
    dialect = connection.dialect
    key = (dialect.name, table.name, columns, replaced)
    if key not in _compiled:
        if database.is_shared:
            _compiled[key] = _compile_arrays(dialect, table, columns, replaced)
        else:
            insert = database.insert_or_replace(table, replaced) if replaced else database.insert_missing(table)
            _compiled[key] = _compile_rows(insert, dialect, columns)
    text, parameters = _compiled[key]
    await connection.exec_driver_sql(text, parameters(rows))


def _compile_rows(insert: Insert, dialect: Dialect, columns: tuple[str, ...]) -> tuple[str, Callable[[Rows], Any]]:
    statement: Any = insert.compile(dialect=dialect, column_keys=list(columns))
    places = [columns.index(name) for name in statement.positiontup or columns]
    if places == list(range(len(columns))):
        return str(statement), list
    return str(statement), lambda rows: [tuple(row[place] for place in places) for row in rows]


def _compile_arrays(
    dialect: Dialect, table: Table, columns: tuple[str, ...], replaced: tuple[str, ...]
) -> tuple[str, Callable[[Rows], Any]]:
    quoted = dialect.identifier_preparer.quote
    types = [table.c[name].type.compile(dialect) for name in columns]
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
    action = "DO NOTHING"
    if replaced:
        keys = ", ".join(quoted(column.name) for column in table.primary_key)
        values = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in replaced)
        action = f"({keys}) DO UPDATE SET {values}"
    text = (
        f"INSERT INTO {quoted(table.name)} ({', '.join(map(quoted, columns))}) "
        f"SELECT * FROM unnest({arrays}) ON CONFLICT {action}"
    )
    return text, lambda rows: tuple(map(list, zip(*rows, strict=True)))
