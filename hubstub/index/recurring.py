"""The work that comes round: the kinds of its jobs, and how each ended the last time."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from .schema import settings

OBJECTS_GC = "objects.gc"
"""Kind of a job: one collection of garbage."""
OBJECTS_SCRUB = "objects.scrub"
"""Kind of a job: reading and checking everything that is stored."""
SUBJECT = "hub"
"""Subject of these jobs."""
_LAST = "last "


async def read_last(connection: AsyncConnection, kind: str) -> dict[str, Any] | None:
    """How the last work of this kind ended: ``ended_at`` and ``result``, which is null before the first."""
    query = select(settings.c.value).where(settings.c.name == _LAST + kind)
    value = (await connection.execute(query)).scalar_one_or_none()
    return None if value is None else dict(json.loads(value))


async def write_last(connection: AsyncConnection, kind: str, outcome: dict[str, Any]) -> None:
    """Remember how work of this kind ended."""
    await connection.execute(delete(settings).where(settings.c.name == _LAST + kind))
    await connection.execute(insert(settings).values(name=_LAST + kind, value=json.dumps(outcome)))
