"""The queue's rows, and what was sent to remotes that have no name."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping

from museui.core.ids import CommitId
from museui.local.messages import Trouble, decode, encode
from museui.repo.sightings import Sighting

from ..store.database import Database
from .entry import Entry, Target


async def read_entries(database: Database) -> list[Entry]:
    """Every entry; none is on its way, all are due."""
    rows = await database.read("SELECT * FROM queue ORDER BY queued_at")
    return [
        Entry(
            Target(row["repository"], row["remote"], row["branch"]),
            CommitId(row["head"]),
            row["queued_at"],
            row["state"],
            row["tries"],
            error=decode(Trouble, json.loads(row["error"])) if row["error"] else None,
        )
        for row in rows
    ]


async def write_entries(database: Database, entries: Mapping[Target, Entry | None]) -> None:
    """Write these entries as they are now, ``None`` for one that is gone, in one transaction."""
    async with database.write() as connection:
        for target, entry in entries.items():
            key = (target.repository, target.remote, target.branch)
            if entry is None:
                await connection.execute("DELETE FROM queue WHERE repository = ? AND remote = ? AND branch = ?", key)
                continue
            error = json.dumps(encode(entry.error)) if entry.error else None
            await connection.execute(
                "INSERT OR REPLACE INTO queue (repository, remote, branch, head, state, tries, queued_at, error)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, entry.head, entry.state, entry.tries, entry.queued_at, error),
            )


async def read_sent(database: Database) -> dict[Target, Sighting]:
    """Return the heads that were last pushed to bare URLs; the times are not kept."""
    rows = await database.read("SELECT * FROM sent")
    return {
        Target(row["repository"], row["remote"], row["branch"]): Sighting(math.inf, CommitId(row["head"]))
        for row in rows
    }


async def write_sent(database: Database, target: Target, head: CommitId | None) -> None:
    """Note what a bare URL has; ``None``: not this branch."""
    key = (target.repository, target.remote, target.branch)
    async with database.write() as connection:
        await connection.execute("DELETE FROM sent WHERE repository = ? AND remote = ? AND branch = ?", key)
        if head is not None:
            await connection.execute(
                "INSERT INTO sent (repository, remote, branch, head) VALUES (?, ?, ?, ?)", (*key, head)
            )


async def forget_repositories(database: Database, paths: Iterable[str]) -> None:
    """Remove what is remembered of repositories that are no longer looked after; their history stays."""
    async with database.write() as connection:
        for path in paths:
            for table, column in (("queue", "repository"), ("sent", "repository"), ("repositories", "path")):
                await connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (path,))
