"""Questions about a repository's history, answered from the index in bounded memory.

The graph is read from the newest generation downwards, a page at a time: every child comes before its parents, so
one pass decides, and what lies below the oldest commit asked about is never read.  Ids are bare hex here and 32
bytes in the tables.  All functions work on the caller's connection, so also inside a transaction that writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Column, Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import CommitId, ObjectId, SnapshotId

from .schema import commits, objects, repositories, repository_objects, snapshots

_IDS_AT_ONCE = 4096
_FIRST_PAGE = 64
_LAST_PAGE = 4096
_ROWS_AT_ONCE = 512
_WANTED, _HAD = 1, 2


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One commit of the graph and where its record lies (``chunks``, offset and size in the uncompressed chunk)."""

    id: CommitId
    generation: int
    parents: tuple[CommitId, ...]
    snapshot_id: SnapshotId
    chunk_id: str
    chunk_offset: int
    chunk_size: int


async def existing_commits(
    connection: AsyncConnection, repository_id: int, ids: Iterable[CommitId]
) -> dict[CommitId, int]:
    """Those of ``ids`` the repository holds, with their generations."""
    query = select(commits.c.id, commits.c.generation).where(commits.c.repository_id == repository_id)
    return {CommitId(row.id.hex()): row.generation async for row in select_among(connection, query, commits.c.id, ids)}


async def existing_snapshots(
    connection: AsyncConnection, repository_id: int, ids: Iterable[SnapshotId]
) -> set[SnapshotId]:
    """Those of ``ids`` the repository holds."""
    query = select(snapshots.c.id).where(snapshots.c.repository_id == repository_id)
    return {SnapshotId(row.id.hex()) async for row in select_among(connection, query, snapshots.c.id, ids)}


async def existing_objects(connection: AsyncConnection, repository_id: int, ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Those of ``ids`` that are members of the repository and that the hub holds (what was damaged it does not)."""
    column = repository_objects.c.object_id
    query = select(column).join(objects, objects.c.id == column)
    query = query.where(repository_objects.c.repository_id == repository_id)
    return {ObjectId(row.object_id.hex()) async for row in select_among(connection, query, column, ids)}


async def existing_object_rows(connection: AsyncConnection, ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Those of ``ids`` that the hub holds, whoever's they are."""
    rows = select_among(connection, select(objects.c.id), objects.c.id, ids)
    return {ObjectId(row.id.hex()) async for row in rows}


async def read_losses(connection: AsyncConnection, repository_id: int) -> int | None:
    """How often a collection or a repair has taken something from the repository; None when it is gone."""
    query = select(repositories.c.losses).where(repositories.c.id == repository_id)
    losses: int | None = (await connection.execute(query)).scalar_one_or_none()
    return losses


async def has_commits(connection: AsyncConnection, repository_id: int) -> bool:
    """Whether the repository holds any commit."""
    query = select(commits.c.id).where(commits.c.repository_id == repository_id).limit(1)
    return (await connection.execute(query)).first() is not None


async def is_ancestor(connection: AsyncConnection, repository_id: int, old: CommitId, new: CommitId) -> bool:
    """Whether ``old`` is ``new`` or an ancestor of it. False when the repository lacks either.

    Reads the generations between the two, so the cost is that of the distance.
    """
    generations = await existing_commits(connection, repository_id, (old, new))
    if old not in generations or new not in generations:
        return False
    target = bytes.fromhex(old)
    floor = generations[old]
    pending = {bytes.fromhex(new)}
    async for row in _descend(connection, repository_id, generations[new]):
        if row.generation < floor:
            return False
        if row.id in pending:
            if row.id == target:
                return True
            pending.discard(row.id)
            pending.update(_split(row.parents))
            if not pending:
                return False
    return False


async def walk(
    connection: AsyncConnection, repository_id: int, want: Collection[CommitId], have: Collection[CommitId]
) -> AsyncIterator[CommitRow]:
    """The commits reachable from ``want`` and not from ``have``, parents before children.

    Ids the repository lacks count for nothing.  Holds 32 bytes for each commit that comes.
    """
    found = await select_reachable(connection, repository_id, want, have)
    starts = range(0, len(found), 32)
    backwards = reversed(starts)
    while batch := [bytes(found[at : at + 32]) for at in islice(backwards, _ROWS_AT_ONCE)]:
        query = select(commits).where(commits.c.repository_id == repository_id, commits.c.id.in_(batch))
        rows = {row.id: row for row in await connection.execute(query)}
        for commit in batch:
            yield commit_row(rows[commit])


async def select_reachable(
    connection: AsyncConnection, repository_id: int, want: Collection[CommitId], have: Collection[CommitId]
) -> bytearray:
    """The ids of :func:`walk`, 32 bytes each, one after the other, children before parents."""
    found = bytearray()
    generations = await existing_commits(connection, repository_id, {*want, *have})
    marks: dict[bytes, int] = {}
    for ids, mark in ((want, _WANTED), (have, _HAD)):
        for commit in ids:
            if commit in generations:
                key = bytes.fromhex(commit)
                marks[key] = marks.get(key, 0) | mark
    only_wanted = sum(1 for mark in marks.values() if mark == _WANTED)
    if not only_wanted:
        return found
    async for row in _descend(connection, repository_id, max(generations.values())):
        mark = marks.pop(row.id, 0)
        if not mark:
            continue
        if mark == _WANTED:
            only_wanted -= 1
            found += row.id
        for parent in _split(row.parents):
            before = marks.get(parent, 0)
            after = marks[parent] = before | mark
            only_wanted += (after == _WANTED) - (before == _WANTED)
        if not only_wanted:
            break
    return found


async def _descend(
    connection: AsyncConnection, repository_id: int, generation: int
) -> AsyncIterator[Row[*tuple[Any, ...]]]:
    """(id, generation, parents) of every commit from ``generation`` down, in pages that grow."""
    order = (commits.c.generation.desc(), commits.c.id.desc())
    base = select(commits.c.id, commits.c.generation, commits.c.parents).order_by(*order)
    base = base.where(commits.c.repository_id == repository_id)
    query = base.where(commits.c.generation <= generation)
    size = _FIRST_PAGE
    while rows := (await connection.execute(query.limit(size))).all():
        for row in rows:
            yield row
        if len(rows) < size:
            return
        last = rows[-1]
        query = base.where(tuple_(commits.c.generation, commits.c.id) < tuple_(last.generation, last.id))
        size = min(size * 2, _LAST_PAGE)


async def select_among(
    connection: AsyncConnection, query: Select[*tuple[Any, ...]], column: Column[Any], ids: Iterable[str]
) -> AsyncIterator[Row[*tuple[Any, ...]]]:
    """The rows of ``query`` whose ``column`` is one of ``ids``, asked for in parts that every database takes."""
    for part in id_parts(ids):
        for row in await connection.execute(query.where(column.in_(part))):
            yield row


def id_parts(ids: Iterable[str]) -> Iterator[list[bytes]]:
    """``ids`` as the tables have them, as many at a time as every database takes."""
    rest = iter(ids)
    while part := [bytes.fromhex(item) for item in islice(rest, _IDS_AT_ONCE)]:
        yield part


def _split(parents: bytes) -> Sequence[bytes]:
    return [parents[at : at + 32] for at in range(0, len(parents), 32)]


def commit_row(row: Row[*tuple[Any, ...]]) -> CommitRow:
    """A row of ``commits``."""
    return CommitRow(
        id=CommitId(row.id.hex()),
        generation=row.generation,
        parents=tuple(CommitId(parent.hex()) for parent in _split(row.parents)),
        snapshot_id=SnapshotId(row.snapshot_id.hex()),
        chunk_id=row.chunk_id,
        chunk_offset=row.chunk_offset,
        chunk_size=row.chunk_size,
    )
