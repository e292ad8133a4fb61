"""Long work in steps: where it is, so that it can make way, stop, and go on."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from ..index.schema import repositories
from ..parts import HubParts


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a long work is: in which of its stages, and within that behind ``after`` (empty: at its beginning)."""

    stage: str
    after: str = ""


async def next_repository(hub: HubParts, after: str) -> int | None:
    """The repository whose number comes behind ``after`` (empty: the first), None when there is none."""
    query = select(func.min(repositories.c.id)).where(repositories.c.id > int(after or 0))
    async with hub.database.read() as connection:
        number: int | None = (await connection.execute(query)).scalar_one()
    return number
