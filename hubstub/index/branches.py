"""Where a repository's branches are."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import CommitId

from .schema import branches


async def read_heads(connection: AsyncConnection, repository_id: int) -> dict[str, CommitId]:
    """Branch → head, by name."""
    query = select(branches.c.name, branches.c.head).where(branches.c.repository_id == repository_id)
    rows = await connection.execute(query.order_by(branches.c.name))
    return {row.name: CommitId(row.head.hex()) for row in rows}
