"""Where a repository's branches are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import CommitId

from .schema import branches, repositories

MOST_HEADS = 40_000
"""Maximum number of branches in one answer: with the longest names it stays under the 16 MiB that clients take."""


@dataclass(frozen=True, slots=True)
class HeadsPage:
    """Branch → head, by name. ``next``: behind which name the next page begins, None after the last."""

    heads: dict[str, CommitId]
    next: str | None


async def read_heads(connection: AsyncConnection, repository_id: int) -> dict[str, CommitId]:
    """Branch → head, by name: of more than :data:`MOST_HEADS` the default branch and those that moved last."""
    own = branches.c.repository_id == repository_id
    default = select(repositories.c.default_branch).where(repositories.c.id == repository_id).scalar_subquery()
    query = select(branches.c.name, branches.c.head).where(own)
    query = query.order_by((branches.c.name == default).desc(), branches.c.updated_at.desc(), branches.c.name)
    rows = (await connection.execute(query.limit(MOST_HEADS))).all()
    return {row.name: CommitId(row.head.hex()) for row in sorted(rows, key=lambda row: str(row.name))}


async def read_heads_page(
    connection: AsyncConnection, repository_id: int, limit: int, after: str, also: str
) -> HeadsPage:
    """At most ``limit`` branches behind the name ``after``, and the branch ``also`` if it is there."""
    query = select(branches.c.name, branches.c.head).where(branches.c.repository_id == repository_id)
    page = query.where(branches.c.name > after).order_by(branches.c.name).limit(limit + 1)
    rows = (await connection.execute(page)).all()
    shown = rows[:limit]
    asked = (await connection.execute(query.where(branches.c.name == also))).all() if also else []
    heads = {row.name: CommitId(row.head.hex()) for row in (*shown, *asked)}
    return HeadsPage(heads, shown[-1].name if len(rows) > limit else None)
