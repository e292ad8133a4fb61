"""What one user's repositories take here, as that user may know it: sizes, quota, and what waits to be promoted."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.wire import Storage

from ..config import Quotas
from ..index.schema import bundles, pushes, repositories, users
from ..people.tokens import Caller
from .quota import choose_limit, read_used_bytes

_NAMED = 1000


async def read_storage(connection: AsyncConnection, quotas: Quotas, caller: Caller) -> Storage:
    """Of the repositories that are the caller's own and that their token reaches; the largest are named.

    A token for one repository is not told the user's quota: it says how much the others take.
    """
    own = repositories.c.owner_id == caller.user_id
    if caller.repository_id is not None:
        own &= repositories.c.id == caller.repository_id
    count = (await connection.execute(select(func.count()).select_from(repositories).where(own))).scalar_one()
    used_bytes = await read_used_bytes(connection, caller.user_id, caller.repository_id)
    largest = select(repositories.c.slug, repositories.c.stored_bytes).where(own)
    largest = largest.order_by(repositories.c.stored_bytes.desc(), repositories.c.slug).limit(_NAMED)
    waiting = select(pushes.c.bundle).where(pushes.c.repository_id.in_(select(repositories.c.id).where(own)))
    backlog = select(func.count(), func.coalesce(func.sum(bundles.c.size_bytes), 0)).where(bundles.c.id.in_(waiting))
    waiting_bundles, waiting_bytes = (await connection.execute(backlog)).one()
    quota_bytes = None
    if caller.repository_id is None:
        set_for_user = select(users.c.quota_bytes).where(users.c.id == caller.user_id)
        quota_bytes = choose_limit((await connection.execute(set_for_user)).scalar_one(), quotas.user_bytes)
    return Storage(
        repositories={f"{caller.name}/{row.slug}": row.stored_bytes for row in await connection.execute(largest)},
        count=int(count),
        used_bytes=used_bytes,
        quota_bytes=quota_bytes,
        waiting_bundles=int(waiting_bundles),
        waiting_bytes=int(waiting_bytes),
    )
