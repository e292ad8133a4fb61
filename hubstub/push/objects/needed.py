"""Objects that a repository holds and the hub has lost: what ``GET refs`` asks the next push for."""

from __future__ import annotations

from sqlalchemy import exists, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import ObjectId

from ...index.schema import damage, objects, repository_objects

_AT_ONCE = 1000


async def find_needed(connection: AsyncConnection, repository_id: int) -> list[ObjectId]:
    """Members of the repository that ``fsck --repair`` has marked as missing, a thousand at most."""
    marked = select(damage.c.subject).where(damage.c.kind == "object").order_by(damage.c.subject).limit(_AT_ONCE)
    ids = [bytes.fromhex(subject) for subject in (await connection.execute(marked)).scalars()]
    if not ids:
        return []
    member = repository_objects.c.object_id
    query = select(member).where(repository_objects.c.repository_id == repository_id, member.in_(ids))
    query = query.where(not_(exists().where(objects.c.id == member))).order_by(member)
    return [ObjectId(item.hex()) for item in (await connection.execute(query)).scalars()]
