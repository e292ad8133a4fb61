"""Marks of garbage: since when (Unix seconds, by the clock of the hub) a collection has seen that nobody needs a thing.

Grace counts from the mark, never from the age of a file: a file is old when its content came long ago, also when it
has become a stored bundle this very moment, or when the index was put back from a backup.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..index.database import Database
from ..index.schema import garbage

_AT_ONCE = 500
_NO_REPOSITORY = 0


async def read_marks(connection: AsyncConnection, kind: str, subjects: Collection[str]) -> dict[str, float]:
    """Return since when those of ``subjects`` that are marked have been."""
    found: dict[str, float] = {}
    for part in parts(subjects):
        query = select(garbage.c.subject, garbage.c.since).where(*_own(kind), garbage.c.subject.in_(part))
        found.update({row.subject: row.since for row in await connection.execute(query)})
    return found


async def add_marks(database: Database, connection: AsyncConnection, kind: str, since: Mapping[Any, float]) -> None:
    """Mark each subject (text) that is not marked."""
    rows = [{"kind": kind, "repository_id": _NO_REPOSITORY, "subject": item, "since": at} for item, at in since.items()]
    if rows:
        await connection.execute(database.insert_missing(garbage), rows)


async def drop_marks(connection: AsyncConnection, kind: str, subjects: Collection[str]) -> None:
    """Forget the marks of ``subjects``."""
    for part in parts(subjects):
        await connection.execute(delete(garbage).where(*_own(kind), garbage.c.subject.in_(part)))


async def list_marked(connection: AsyncConnection, kind: str, first: str = "") -> set[str]:
    """Return everything of a kind that is marked and begins with ``first``."""
    query = select(garbage.c.subject).where(*_own(kind), garbage.c.subject.startswith(first, autoescape=True))
    return set((await connection.execute(query)).scalars())


def _own(kind: str) -> tuple[ColumnElement[bool], ...]:
    return garbage.c.kind == kind, garbage.c.repository_id == _NO_REPOSITORY


def parts(items: Collection[str]) -> Iterator[list[str]]:
    """Yield ``items``, as many at a time as every database takes."""
    every = list(items)
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))
