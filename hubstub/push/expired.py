"""Dropping staged bytes whose URL has expired, where a quota bounds what arrives.

Elsewhere it is kept for a day, for a client that comes back (:mod:`hubstub.arrivals.uploads`).
"""

from __future__ import annotations

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import ObjectId

from ..index.schema import expected_objects, repositories, uploads
from ..store.keys import staging_key
from .desk import PushParts
from .objects.staged import StagedObjects
from .quota import Place, find_room

_AT_ONCE = 500


async def drop_expired(hub: PushParts, place: Place) -> None:
    """Drop what was staged for the repositories of the place's owner and has expired, if there is a quota.

    An upload that is being confirmed just now stays.
    """
    now = hub.now()
    theirs = select(repositories.c.id).where(repositories.c.owner_id == place.owner_id)
    over = (uploads.c.repository_id.in_(theirs), uploads.c.state == "open", uploads.c.expires_at <= now)
    columns = expected_objects.c
    single = (columns.owner_id == place.owner_id, columns.expires_at <= now)
    async with hub.database.read() as connection:
        if not await find_room(connection, hub.settings.quotas, place, None):
            return
        ids = (await connection.execute(select(uploads.c.id).where(*over).limit(_AT_ONCE))).scalars().all()
        query = select(columns.repository, columns.user_id, columns.object_id).where(*single)
        objects = (await connection.execute(query.limit(_AT_ONCE))).all()
    ids = [item for item in ids if not hub.desk.works_on(item)]
    if not (ids or objects):
        return

    async def forget(connection: AsyncConnection) -> list[str]:
        gone = delete(uploads).where(uploads.c.id.in_(ids), *over).returning(uploads.c.id)
        dropped = list((await connection.execute(gone)).scalars())
        keys = [tuple(row) for row in objects]
        key = tuple_(columns.repository, columns.user_id, columns.object_id)
        await connection.execute(delete(expected_objects).where(key.in_(keys), *single))
        return dropped

    dropped = await hub.database.change(forget)
    keys = [staging_key(item) for item in dropped]
    for row in objects:
        staged = StagedObjects(hub.store, row.repository, row.user_id)
        keys.append(staging_key(staged.upload_id(ObjectId(row.object_id.hex()))))
    await hub.store.delete(keys)
