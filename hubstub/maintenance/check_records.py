"""Checking one repository in the index: every record against its id and its row, every reference against what it names.

All of it in one view of the database, so that what is pushed meanwhile is no damage.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Integrity, Invalid
from museui.core.ids import CommitId, ObjectId, SnapshotId
from museui.core.records import SnapshotParser, parse_commit

from ..index.history import existing_commits, existing_object_rows, existing_objects, existing_snapshots
from ..index.manifests import Rows, iter_by_chunk, read_chunk
from ..index.schema import branches, commits, releases, repositories, snapshots, tags, users
from .findings import MEMBER, MEND_INDEX, MEND_MEMBER, MEND_OBJECT, OBJECT, Finding, Report

_Check = Callable[[Rows, list[Any]], Awaitable[None]]


async def check_repository(connection: AsyncConnection, repository_id: int, report: Report) -> None:
    """Check all that the index holds of one repository; one that is gone is well."""
    query = select(users.c.name, repositories.c.slug).join(users, users.c.id == repositories.c.owner_id)
    row = (await connection.execute(query.where(repositories.c.id == repository_id))).one_or_none()
    if row is None:
        return
    checker = _Checker(connection, repository_id, f"{row.name}/{row.slug}", report)
    await checker.check_heads()
    await checker.check_table(commits, checker.check_commits)
    await checker.check_table(snapshots, checker.check_snapshots)
    report.count("repositories")


class _Checker:
    def __init__(self, connection: AsyncConnection, repository_id: int, name: str, report: Report) -> None:
        self._connection = connection
        self._id = repository_id
        self._name = name
        self._report = report
        self._parser = SnapshotParser()

    def _add(self, kind: str, subject: str, reason: str, advice: str = MEND_INDEX) -> None:
        self._report.add(Finding(kind, subject, self._name, reason, advice))

    async def check_heads(self) -> None:
        """Branches, tags and releases name commits that are there."""
        for kind, table, name, commit_id in (
            ("branch", branches, branches.c.name, branches.c.head),
            ("tag", tags, tags.c.name, tags.c.commit_id),
            ("release", releases, releases.c.tag, releases.c.commit_id),
        ):
            query = select(name.label("name"), commit_id.label("commit_id"))
            rows = (await self._connection.execute(query.where(table.c.repository_id == self._id))).all()
            named = {row.name: CommitId(row.commit_id.hex()) for row in rows if row.commit_id}
            known = await existing_commits(self._connection, self._id, named.values())
            for label, commit in named.items():
                if commit not in known:
                    self._add(kind, f"{self._name}:{label}"[:200], f"it names commit {commit}, which is not there")

    async def check_table(self, table: Table, check: _Check) -> None:
        """Read the records of a table, chunk by chunk, and hand each chunk's to ``check``."""
        query = select(table).where(table.c.repository_id == self._id).order_by(table.c.chunk_id)
        async for rows in iter_by_chunk(self._connection, query):
            self._report.count(table.name, len(rows))
            chunk_id = rows[0].chunk_id
            try:
                data = await read_chunk(self._connection, chunk_id)
            except Integrity as exc:
                self._add("chunk", chunk_id, f"{exc.message}; it holds {len(rows)} {table.name}")
                continue
            records: list[Any] = []
            for row in rows:
                try:
                    records.append(msgpack.unpackb(data[row.chunk_offset : row.chunk_offset + row.chunk_size]))
                except ValueError:
                    records.append(None)
            await check(rows, records)

    async def check_commits(self, rows: Rows, records: list[Any]) -> None:
        """Ids, the columns that repeat what a record says, parents and snapshots that are there."""
        parents = {CommitId(item) for row in rows for item in _split(row.parents)}
        generations = await existing_commits(self._connection, self._id, parents)
        wanted = {SnapshotId(row.snapshot_id.hex()) for row in rows}
        present = await existing_snapshots(self._connection, self._id, wanted)
        for row, record in zip(rows, records, strict=True):
            commit_id = row.id.hex()
            try:
                commit = parse_commit(record)
            except (Integrity, Invalid) as exc:
                self._add("commit", commit_id, f"its record is damaged: {exc.message}")
                continue
            linked = [CommitId(item) for item in _split(row.parents)]
            if commit.id != commit_id or linked != list(commit.parents) or commit.snapshot_id != row.snapshot_id.hex():
                self._add("commit", commit_id, "its row and its record do not say the same")
            for parent in linked:
                if parent not in generations:
                    self._add("commit", commit_id, f"its parent {parent} is not there")
            if row.generation != 1 + max((generations.get(parent, 0) for parent in linked), default=0):
                self._add("commit", commit_id, f"its generation is {row.generation}, which its parents' do not give")
            if commit.snapshot_id not in present:
                self._add("commit", commit_id, f"its snapshot {commit.snapshot_id} is not there")

    async def check_snapshots(self, rows: Rows, records: list[Any]) -> None:
        """Ids, and objects that are there."""
        named: dict[ObjectId, str] = {}
        for row, record in zip(rows, records, strict=True):
            snapshot_id = row.id.hex()
            try:
                snapshot = self._parser.parse(record)
            except (Integrity, Invalid) as exc:
                self._add("snapshot", snapshot_id, f"its record is damaged: {exc.message}")
                continue
            if snapshot.id != snapshot_id:
                self._add("snapshot", snapshot_id, f"its record is that of {snapshot.id}")
            for object_id in snapshot.manifest.values():
                named.setdefault(object_id, snapshot_id)
        absent = named.keys() - await existing_objects(self._connection, self._id, named)
        held = await existing_object_rows(self._connection, absent)
        for object_id in absent:
            needed = f"snapshot {named[object_id][:12]} needs it"
            if object_id in held:
                self._add(MEMBER, f"{self._id}/{object_id}", f"{needed}, and it is no member", MEND_MEMBER)
            else:
                self._add(OBJECT, object_id, f"{needed}, and it is not there", MEND_OBJECT)


def _split(parents: bytes) -> list[str]:
    return [parents[at : at + 32].hex() for at in range(0, len(parents), 32)]
