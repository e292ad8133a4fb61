"""Whether a push's graph is closed: what it names is in it, in this very repository, or waits for this push."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Integrity
from museui.core.graph import number_generations, outside_parents, require_all
from museui.core.ids import EMPTY_OBJECT, CommitId, ObjectId, SnapshotId

from ..index.history import existing_commits, existing_objects, existing_snapshots, has_commits, read_losses
from .chunks import Chunk
from .objects.pending import find_pending
from .verify import Contents


@dataclass(frozen=True, slots=True)
class Closure:
    """What the repository had before the push, as far as the push names it, and the generations of the new commits."""

    generations: dict[CommitId, int]
    had_commits: set[CommitId]
    had_snapshots: set[SnapshotId]
    had_objects: set[ObjectId]
    losses: int
    """How often the repository had lost something when this was true (``repositories.losses``)."""
    pending_objects: set[ObjectId]
    """Needed, not in the push, and uploaded for it before (:mod:`hubstub.push.objects.pending`)."""


async def check_closed(
    connection: AsyncConnection, repository_id: int, user_id: int, contents: Contents, head: CommitId
) -> Closure:
    """Raises :class:`Integrity` naming what is missing: a parent, a snapshot, an object, or ``head`` itself.

    ``user_id``: whose pending objects count. The empty object is added to ``contents`` when it is all that is missing.
    """
    had_commits: dict[CommitId, int] = {}
    had_snapshots: set[SnapshotId] = set()
    had_objects: set[ObjectId] = set()
    parents_of = contents.parents_of
    losses = await read_losses(connection, repository_id) or 0
    if await has_commits(connection, repository_id):
        asked = {head, *parents_of, *outside_parents(parents_of)}
        had_commits = await existing_commits(connection, repository_id, asked)
        named = {entry.snapshot_id for entry in contents.commits.values()}
        had_snapshots = await existing_snapshots(connection, repository_id, named | contents.snapshots.keys())
        asked_objects = contents.needed_objects | contents.objects.keys()
        had_objects = await existing_objects(connection, repository_id, asked_objects)
    generations = await asyncio.to_thread(number_generations, contents.ordered, parents_of, had_commits)
    _require_head(head, contents, had_commits)
    for commit_id, entry in contents.commits.items():
        if entry.snapshot_id not in contents.snapshots and entry.snapshot_id not in had_snapshots:
            require_all([entry.snapshot_id], (), "snapshot", f"commit {commit_id}")
    outside = contents.needed_objects - contents.objects.keys() - had_objects
    pending = await find_pending(connection, repository_id, user_id, outside)
    if EMPTY_OBJECT in outside - pending:  # nobody needs to send it: no bytes are found anywhere in the push
        contents.objects[EMPTY_OBJECT] = (0, 0)
        outside.discard(EMPTY_OBJECT)
    require_all(sorted(outside - pending), (), "object", "a snapshot of the push")
    return Closure(generations, set(had_commits), had_snapshots, had_objects, losses, pending)


def new_chunks(contents: Contents, closure: Closure) -> list[Chunk]:
    """Those chunks of the push that hold a record which is new to the repository."""
    places = [contents.commits[item].place for item in contents.ordered if item not in closure.had_commits]
    places += [contents.snapshots[item] for item in contents.snapshots.keys() - closure.had_snapshots]
    used = {place.chunk_id for place in places}
    return [item for item in contents.chunks if item.id in used]


def _require_head(head: CommitId, contents: Contents, had_commits: dict[CommitId, int]) -> None:
    if head not in contents.commits and head not in had_commits:
        raise Integrity(
            f"the new head {head} is neither in the bundle nor in this repository",
            details={"missing": head, "kind": "commit", "rule": "closed_graph"},
        )
