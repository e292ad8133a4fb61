"""Rows put straight into a hub's index, for tests that need a history without pushing one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubstub.config import HubSettings
from hubstub.index.database import Database
from hubstub.index.schema import branches, commits, pushes, repositories, signing_keys, users
from hubstub.store.store_file import read_file_database
from museui.core.graph import number_generations, order_commits
from museui.core.ids import CommitId

Graph = Mapping[CommitId, Sequence[CommitId]]


def made_id(name: object) -> CommitId:
    """An id that stands for ``name``."""
    return CommitId(hashlib.sha256(str(name).encode()).hexdigest())


def line(length: int, prefix: str = "c") -> dict[CommitId, list[CommitId]]:
    """A history without branches, oldest first."""
    ids = [made_id(f"{prefix}{number}") for number in range(length)]
    return {commit: [ids[at - 1]] if at else [] for at, commit in enumerate(ids)}


@asynccontextmanager
async def fresh_database(folder: Path) -> AsyncIterator[Database]:
    """An empty index in ``folder``."""
    database = Database(_url(folder))
    try:
        await database.open()
        yield database
    finally:
        await database.close()


async def insert_history(connection: AsyncConnection, repository_id: int, graph: Graph) -> None:
    """The commits of ``graph`` (commit → parents) in a repository; no records, no snapshots."""
    generations = number_generations(order_commits(graph), graph, {})
    rows = [
        {
            "repository_id": repository_id,
            "id": bytes.fromhex(commit),
            "generation": generations[commit],
            "parents": b"".join(map(bytes.fromhex, parents)),
            "snapshot_id": bytes(32),
            "chunk_id": "none",
            "chunk_offset": 0,
            "chunk_size": 0,
        }
        for commit, parents in graph.items()
    ]
    if rows:
        await connection.execute(insert(commits), rows)


def seed_repository(data_dir: Path, owner: str, slug: str, graph: Graph, heads: Mapping[str, CommitId]) -> None:
    """Give a repository of a hub, which may be running, a history and branches."""

    async def seed() -> None:
        database = Database(_url(data_dir), checkpoints=False)
        try:
            async with database.write() as connection:
                repository_id = await _repository_id(connection, owner, slug)
                await insert_history(connection, repository_id, graph)
                rows = [
                    {"repository_id": repository_id, "name": name, "head": bytes.fromhex(head), "updated_at": 1.0}
                    for name, head in heads.items()
                ]
                if rows:
                    await connection.execute(insert(branches), rows)
        finally:
            await database.close()

    asyncio.run(seed())


def seed_pushes(data_dir: Path, owner: str, slug: str, count: int) -> list[str]:
    """``count`` pushes in a repository, oldest first, two at each moment; their ids."""
    ids = [made_id(f"{slug} push {number}")[:32] for number in range(count)]

    async def seed() -> None:
        database = Database(_url(data_dir), checkpoints=False)
        try:
            async with database.write() as connection:
                repository_id = await _repository_id(connection, owner, slug)
                user_id = (await connection.execute(select(users.c.id).where(users.c.name == owner))).scalar_one()
                rows = [
                    {
                        "id": push_id,
                        "repository_id": repository_id,
                        "user_id": user_id,
                        "branch": "main",
                        "head": bytes.fromhex(made_id(number)),
                        "previous_head": bytes.fromhex(made_id(number - 1)) if number else None,
                        "forced": False,
                        "strategy": "bundle",
                        "wire_bytes": 10,
                        "answer": '{"ok": true, "stored_commits": 1, "timings": {"verify": 0.5}}',
                        "created_at": float(number // 2),
                    }
                    for number, push_id in enumerate(ids)
                ]
                await connection.execute(insert(pushes), rows)
        finally:
            await database.close()

    asyncio.run(seed())
    return ids


async def _repository_id(connection: AsyncConnection, owner: str, slug: str) -> int:
    query = select(repositories.c.id).join(users, users.c.id == repositories.c.owner_id)
    query = query.where(users.c.name == owner, repositories.c.slug == slug)
    return int((await connection.execute(query)).scalar_one())


def enrol_key(data_dir: Path, user: str, private_key: bytes, revoked_at: float | None = None) -> None:
    """Enrol the public half of an Ed25519 key for a user of a hub, which may be running."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()

    async def enrol() -> None:
        database = Database(_url(data_dir), checkpoints=False)
        try:
            async with database.write() as connection:
                user_id = (await connection.execute(select(users.c.id).where(users.c.name == user))).scalar_one()
                row = {"user_id": user_id, "public_key": public, "created_at": 1.0, "revoked_at": revoked_at}
                await connection.execute(insert(signing_keys), row)
        finally:
            await database.close()

    asyncio.run(enrol())


def _url(folder: Path) -> str:
    return HubSettings(folder, database=read_file_database(folder / "hub.toml")).database_url
