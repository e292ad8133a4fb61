"""What a fetch sends: the commits the client lacks, their snapshots, and what the client has to build on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Internal, NotFound
from museui.core.graph import outside_parents
from museui.core.ids import CommitId, SnapshotId

from ..index.branches import read_heads
from ..index.history import existing_commits, walk
from ..index.schema import commits
from .places import RecordPlace, locate_snapshots


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """Places of the records to send, commits parents first, snapshots in first-use order.

    ``base``: the commits the client builds on; no object of theirs (``base_snapshots``) is sent again.
    """

    commits: Sequence[RecordPlace]
    snapshots: Sequence[RecordPlace]
    base: Sequence[CommitId]
    base_snapshots: Sequence[RecordPlace]
    branch_heads: Mapping[str, CommitId]


async def plan_fetch(
    connection: AsyncConnection, repository_id: int, want: Sequence[CommitId], have: Sequence[CommitId]
) -> FetchPlan:
    """What to send for ``want`` to a client that has ``have``, of which unknown ids count for nothing.

    Raises :class:`NotFound` naming a wanted commit that the repository lacks.
    """
    known = await existing_commits(connection, repository_id, {*want, *have})
    for commit_id in want:
        if commit_id not in known:
            raise NotFound(f"there is no commit {commit_id} in this repository", details={"missing": commit_id})
    records: list[RecordPlace] = []
    snapshot_ids: dict[SnapshotId, None] = {}
    parents_of: dict[CommitId, tuple[CommitId, ...]] = {}
    async for row in walk(connection, repository_id, want, have):
        records.append(RecordPlace(row.chunk_id, row.chunk_offset, row.chunk_size))
        snapshot_ids[row.snapshot_id] = None
        parents_of[row.id] = row.parents
    base = outside_parents(parents_of)
    base_snapshot_ids = await _snapshots_of(connection, repository_id, base)
    places = await locate_snapshots(connection, repository_id, {*snapshot_ids, *base_snapshot_ids})
    heads = await read_heads(connection, repository_id)
    try:
        return FetchPlan(
            commits=records,
            snapshots=[places[item] for item in snapshot_ids if item not in base_snapshot_ids],
            base=sorted(base),
            base_snapshots=[places[item] for item in base_snapshot_ids],
            branch_heads=heads,
        )
    except KeyError as exc:
        raise Internal(f"the index has lost snapshot {exc.args[0]}") from exc


async def _snapshots_of(
    connection: AsyncConnection, repository_id: int, commit_ids: set[CommitId]
) -> dict[SnapshotId, None]:
    found: dict[SnapshotId, None] = {}
    ids = [bytes.fromhex(item) for item in sorted(commit_ids)]
    for at in range(0, len(ids), 4096):
        query = select(commits.c.snapshot_id).where(
            commits.c.repository_id == repository_id, commits.c.id.in_(ids[at : at + 4096])
        )
        for snapshot_id in (await connection.execute(query)).scalars():
            found[SnapshotId(snapshot_id.hex())] = None
    return found
