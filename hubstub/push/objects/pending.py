"""Objects that one user uploaded for their next push to one repository: stored and verified, a member of none yet.

They count for that user's pushes to that repository alone, so nobody learns from them what others have.  What is not
pushed in time is forgotten here and is then garbage like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Unavailable
from museui.core.ids import ObjectId

from ...index.database import Database
from ...index.history import existing_objects, id_parts, select_among
from ...index.let_go import note_let_go
from ...index.schema import objects, pending_objects, repository_objects
from ..rows import insert_rows

PENDING_S = 24 * 3600.0
"""How long an object waits for the push that names it."""


async def add_pending(
    database: Database,
    connection: AsyncConnection,
    repository_id: int,
    user_id: int,
    sizes: Mapping[ObjectId, int],
    now: float,
) -> None:
    """Let stored objects wait for the user's next push to the repository, for :data:`PENDING_S` from ``now``.

    ``sizes``: object → bytes.  Each has been hashed, and lies under its own key unless ``objects`` has a row that
    says where else.  One that waits already waits anew.
    """
    ids = [bytes.fromhex(object_id) for object_id in sizes]
    places = [(key, size) for key, size in zip(ids, sizes.values(), strict=True)]
    await insert_rows(database, connection, objects, ("id", "size_bytes"), places)
    expires_at = now + PENDING_S
    rows = [(repository_id, user_id, key, expires_at) for key in ids]
    columns = ("repository_id", "user_id", "object_id", "expires_at")
    await insert_rows(database, connection, pending_objects, columns, rows)
    renewed = update(pending_objects).where(_own(repository_id, user_id)).values(expires_at=expires_at)
    for part in id_parts(sizes):
        await connection.execute(renewed.where(pending_objects.c.object_id.in_(part)))


async def find_pending(
    connection: AsyncConnection, repository_id: int, user_id: int, ids: Iterable[ObjectId], *, lock: bool = False
) -> set[ObjectId]:
    """Those of ``ids`` that wait for this user's push to this repository; with ``lock`` until the transaction ends."""
    column = pending_objects.c.object_id
    query = select(column).where(_own(repository_id, user_id))
    rows = select_among(connection, query.with_for_update() if lock else query, column, ids)
    return {ObjectId(row.object_id.hex()) async for row in rows}


async def admit_pending(
    database: Database, connection: AsyncConnection, repository_id: int, user_id: int, ids: set[ObjectId]
) -> None:
    """Make pending objects members of the repository; they wait no more.

    Raises :class:`Unavailable` when one is neither pending nor a member any more, which another try finds missing.
    """
    pending = await find_pending(connection, repository_id, user_id, ids, lock=True)
    members = await existing_objects(connection, repository_id, ids - pending)
    if gone := ids - pending - members:
        raise Unavailable(
            f"object {min(gone)} waited too long for its push", hint="Push again.", details={"missing": min(gone)}
        )
    rows = [(repository_id, bytes.fromhex(object_id)) for object_id in pending]
    await insert_rows(database, connection, repository_objects, ("repository_id", "object_id"), rows)
    admitted = delete(pending_objects).where(_own(repository_id, user_id))
    for part in id_parts(pending):
        await connection.execute(admitted.where(pending_objects.c.object_id.in_(part)))


async def forget_pending(connection: AsyncConnection, now: float) -> None:
    """Delete what waited too long; its sender has let go of it."""
    over = select(func.count(), func.coalesce(func.sum(objects.c.size_bytes), 0))
    over = over.join(pending_objects, pending_objects.c.object_id == objects.c.id)
    count, size_bytes = (await connection.execute(over.where(pending_objects.c.expires_at <= now))).one()
    await note_let_go(connection, count, size_bytes)
    await connection.execute(delete(pending_objects).where(pending_objects.c.expires_at <= now))


def _own(repository_id: int, user_id: int) -> ColumnElement[bool]:
    return and_(pending_objects.c.repository_id == repository_id, pending_objects.c.user_id == user_id)
