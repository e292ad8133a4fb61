"""The newest commits below some heads, a page at a time: the cost is that of the page, not of the history."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import CommitId

from .history import CommitRow, commit_row
from .schema import commits


async def read_commits(
    connection: AsyncConnection, repository_id: int, ids: Iterable[CommitId]
) -> dict[CommitId, CommitRow]:
    """Those of ``ids``, some hundreds at most, that the repository holds."""
    keys = [bytes.fromhex(item) for item in ids]
    query = select(commits).where(commits.c.repository_id == repository_id, commits.c.id.in_(keys))
    return {row.id: row for row in map(commit_row, await connection.execute(query))}


async def list_recent(
    connection: AsyncConnection, repository_id: int, heads: Sequence[CommitId], limit: int
) -> tuple[list[CommitRow], list[CommitId]]:
    """At most ``limit`` commits reachable from ``heads``, children before parents; then the heads of the next page.

    Ids the repository lacks count for nothing.
    """
    known = await read_commits(connection, repository_id, heads)
    if not known:
        return [], []
    pending = [(-row.generation, row.id) for row in known.values()]
    heapq.heapify(pending)
    seen = set(known)
    # What lies right below is most often what comes next: one question instead of one for each commit.
    below = (
        select(commits)
        .where(commits.c.repository_id == repository_id, commits.c.generation <= -pending[0][0])
        .order_by(commits.c.generation.desc())
        .limit(limit + 1)
    )
    known |= {row.id: row for row in map(commit_row, await connection.execute(below))}
    found: list[CommitRow] = []
    while pending and len(found) < limit:
        row = known[heapq.heappop(pending)[1]]
        found.append(row)
        if unknown := [parent for parent in row.parents if parent not in known]:
            known |= await read_commits(connection, repository_id, unknown)
        for parent in row.parents:
            if parent not in seen and parent in known:
                seen.add(parent)
                heapq.heappush(pending, (-known[parent].generation, parent))
    return found, [commit_id for _, commit_id in sorted(pending)]
