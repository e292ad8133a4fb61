"""Which part of one repository's history may go: what no branch, tag or release has reached for the grace period.

A commit that went out of reach later keeps its ancestors, so what is left is always whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import CommitId, ObjectId

from ..index.history import read_losses, select_reachable
from ..index.manifests import iter_named_objects
from ..index.schema import branches, commits, garbage, releases, snapshots, tags

COMMIT = "commit"

Fingerprint = tuple[int, int, int, frozenset[bytes]]
"""Losses, commits, snapshots, heads: a plan holds for as long as these are what they were."""


@dataclass(slots=True)
class HistoryPlan:
    """What to do in one repository. Ids as the tables have them; ``since``: when the oldest of it went out of reach."""

    fingerprint: Fingerprint
    mark: set[bytes] = field(default_factory=set)
    unmark: set[str] = field(default_factory=set)
    commits: set[bytes] = field(default_factory=set)
    snapshots: set[bytes] = field(default_factory=set)
    objects: set[ObjectId] = field(default_factory=set)
    """No snapshot that stays names them."""
    waiting: int = 0
    since: float = 0.0


async def read_fingerprint(connection: AsyncConnection, repository_id: int) -> Fingerprint | None:
    """What a plan is made from; None when the repository is gone."""
    losses = await read_losses(connection, repository_id)
    if losses is None:
        return None
    numbers = [
        (await connection.execute(select(func.count()).where(table.c.repository_id == repository_id))).scalar_one()
        for table in (commits, snapshots)
    ]
    heads = union(
        select(branches.c.head).where(branches.c.repository_id == repository_id),
        select(tags.c.commit_id).where(tags.c.repository_id == repository_id),
        select(releases.c.commit_id).where(
            releases.c.repository_id == repository_id, releases.c.commit_id.is_not(None)
        ),
    )
    found = frozenset((await connection.execute(heads)).scalars())
    return losses, numbers[0], numbers[1], found


async def plan_history(
    connection: AsyncConnection, repository_id: int, now: float, grace_s: float
) -> HistoryPlan | None:
    """The plan; None when the repository is gone.

    Raises :class:`~museui.core.errors.Integrity` when a record that stays cannot be read: then nobody knows what it
    needs.
    """
    fingerprint = await read_fingerprint(connection, repository_id)
    if fingerprint is None:
        return None
    plan = HistoryPlan(fingerprint)
    query = select(garbage.c.subject, garbage.c.since)
    query = query.where(garbage.c.kind == COMMIT, garbage.c.repository_id == repository_id)
    since = {row.subject: row.since for row in await connection.execute(query)}
    reached = await _reach(connection, repository_id, fingerprint[3])
    if len(reached) == fingerprint[1]:
        plan.unmark = set(since)
        return plan
    ids = (await connection.execute(select(commits.c.id).where(commits.c.repository_id == repository_id))).scalars()
    lost = {item for item in ids if item not in reached}
    plan.unmark = since.keys() - {item.hex() for item in lost}
    plan.mark = {item for item in lost if item.hex() not in since}
    young = {item for item in lost if since.get(item.hex(), now) > now - grace_s}
    kept = await _reach(connection, repository_id, young)
    plan.commits = lost - kept
    plan.waiting = len(lost) - len(plan.commits)
    if plan.commits:
        plan.since = min(since.get(item.hex(), now) for item in plan.commits)
        await _plan_contents(connection, repository_id, plan)
    return plan


async def _plan_contents(connection: AsyncConnection, repository_id: int, plan: HistoryPlan) -> None:
    own = commits.c.repository_id == repository_id
    used: set[bytes] = set()
    for row in await connection.execute(select(commits.c.id, commits.c.snapshot_id).where(own)):
        if row.id not in plan.commits:
            used.add(row.snapshot_id)
    every = await connection.execute(select(snapshots.c.id).where(snapshots.c.repository_id == repository_id))
    plan.snapshots = {item for item in every.scalars() if item not in used}
    async for named in iter_named_objects(connection, repository_id, plan.snapshots.__contains__):
        plan.objects |= named
    if plan.objects:
        async for named in iter_named_objects(connection, repository_id, used.__contains__):
            plan.objects -= named


async def _reach(connection: AsyncConnection, repository_id: int, heads: Iterable[bytes]) -> set[bytes]:
    """The commits that ``heads`` lead to, themselves among them."""
    want = [CommitId(head.hex()) for head in heads]
    found = await select_reachable(connection, repository_id, want, ())
    return {bytes(found[at : at + 32]) for at in range(0, len(found), 32)}
