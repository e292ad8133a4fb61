"""Files of objects are deleted in three steps, so that nothing that is being stored at this moment goes with them.

An object's key is always the same, so a late deletion would hit what somebody has put there since.  Therefore: in one
transaction that nobody shares the rows go and the objects are *doomed*; then the files are deleted; then the doom is
lifted.  Nobody puts a file where there is doom: promotion waits, and whoever stores objects under their own keys
outside of it asks :func:`begin_storing` first and :func:`end_storing` in the transaction that tells of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Unavailable
from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId

from ..index.history import existing_object_rows
from ..index.schema import garbage, settings
from ..parts import HubParts
from ..store.keys import object_key

DOOMED = "doomed"
_COUNT = "deletions"
_PATIENCE_S = 120.0
_STALE_S = 600.0
"""After this long whoever was deleting is dead, and so is its last request."""
_AT_ONCE = 500


async def doom(connection: AsyncConnection, ids: Collection[ObjectId], now: float) -> None:
    """From the end of this transaction on, in which no row speaks of ``ids``, their files may be deleted.

    The transaction must be one that no other writes beside (``Database.write(alone=True)``).
    """
    if not ids:
        return
    rows = [{"kind": DOOMED, "repository_id": 0, "subject": item, "since": now} for item in ids]
    await connection.execute(insert(garbage), rows)
    count = await _read_count(connection)
    if count is None:
        await connection.execute(insert(settings).values(name=_COUNT, value="1"))
    else:
        await connection.execute(update(settings).where(settings.c.name == _COUNT).values(value=str(count + 1)))


async def delete_doomed(hub: HubParts, ids: Collection[ObjectId]) -> None:
    """Delete the files of doomed objects and lift the doom.

    Raises :class:`Unavailable` when the store does not answer; the doom stays then, for :func:`finish_deletions`.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await hub.store.delete([object_key(item) for item in ids])
    except TimeoutError as exc:
        raise Unavailable("the object store takes too long to delete") from exc
    failpoint("gc.deleted")
    async with hub.database.write() as connection:
        for part in _parts(ids):
            await connection.execute(delete(garbage).where(garbage.c.kind == DOOMED, garbage.c.subject.in_(part)))


async def finish_deletions(hub: HubParts) -> None:
    """Delete what a process that died had doomed."""
    async with hub.database.read() as connection:
        query = select(garbage.c.subject).where(garbage.c.kind == DOOMED, garbage.c.since <= hub.now() - _STALE_S)
        ids = [ObjectId(subject) for subject in (await connection.execute(query)).scalars()]
    for part in _parts(ids):
        await delete_doomed(hub, part)


async def find_doomed(connection: AsyncConnection, ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Those of ``ids`` whose files are being deleted."""
    found: set[ObjectId] = set()
    for part in _parts(ids):
        query = select(garbage.c.subject).where(garbage.c.kind == DOOMED, garbage.c.subject.in_(part))
        found.update(ObjectId(subject) for subject in (await connection.execute(query)).scalars())
    return found


async def begin_storing(connection: AsyncConnection, ids: Collection[ObjectId]) -> int:
    """What :func:`end_storing` wants to know; ask before you look whether ``ids`` are stored, or store them.

    Raises :class:`Unavailable` when one of them is being deleted.
    """
    count = await _read_count(connection) or 0
    if await find_doomed(connection, ids):
        raise _try_again()
    return count


async def end_storing(connection: AsyncConnection, begun: int) -> None:
    """Raise :class:`Unavailable` when anything may have been deleted since :func:`begin_storing`."""
    if (await _read_count(connection) or 0) != begun:
        raise _try_again()


async def lost_again(connection: AsyncConnection, ids: Collection[ObjectId]) -> set[ObjectId]:
    """Those of ``ids`` that no row of ``objects`` speaks of and that are not doomed already."""
    return set(ids) - await existing_object_rows(connection, ids) - await find_doomed(connection, ids)


async def _read_count(connection: AsyncConnection) -> int | None:
    value = (await connection.execute(select(settings.c.value).where(settings.c.name == _COUNT))).scalar_one_or_none()
    return None if value is None else int(value)


def _try_again() -> Unavailable:
    return Unavailable("old objects are being collected", hint="Try again in a moment.")


def _parts(ids: Iterable[ObjectId]) -> Iterable[list[ObjectId]]:
    every = list(ids)
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))
