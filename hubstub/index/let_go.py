"""Counts of objects that people let go of, by deleting repositories or forcing, until a collection takes them.

What becomes garbage beyond that became so because something is absent, which may be the fault that a collection would
make worse (:mod:`hubstub.maintenance.share`).
"""

from __future__ import annotations

import json

from sqlalchemy.ext.asyncio import AsyncConnection

from .values import read_value, write_value

_NAME = "let go"


async def read_let_go(connection: AsyncConnection) -> tuple[int, int]:
    """Return the number of objects and their bytes."""
    value = await read_value(connection, _NAME)
    objects, size_bytes = json.loads(value) if value else (0, 0)
    return int(objects), int(size_bytes)


async def note_let_go(connection: AsyncConnection, objects: int, size_bytes: int) -> None:
    """Count so many more, in the transaction that lets go of them."""
    if objects:
        before = await read_let_go(connection)
        await write_value(connection, _NAME, json.dumps([before[0] + objects, before[1] + size_bytes]))


async def limit_let_go(connection: AsyncConnection, known: tuple[int, int], objects: int, size_bytes: int) -> None:
    """Of what was ``known`` when a collection began, no more than so many can be left after it."""
    before = await read_let_go(connection)
    after = [
        max(0, before[0] - known[0]) + min(before[0], known[0], objects),
        max(0, before[1] - known[1]) + min(before[1], known[1], size_bytes),
    ]
    if after != list(before):
        await write_value(connection, _NAME, json.dumps(after))
