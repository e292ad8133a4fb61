"""One writer, readers that cannot write, and a busy database that is an error worth a retry."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from hubstub.config import DATABASE_NAME
from hubstub.index import sqlite
from hubstub.index.database import Database
from hubstub.index.schema import settings
from hubstub.people.users import create_user, list_users
from museui.core.errors import Unavailable
from tests.helpers.hub_index import fresh_database


async def test_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        with pytest.raises(RuntimeError):
            async with database.write() as connection:
                await create_user(connection, "ada", 1.0)
                raise RuntimeError
        async with database.read() as connection:
            assert await list_users(connection) == []


async def test_reading_connection_cannot_write(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        with pytest.raises(Unavailable):
            async with database.read() as connection:
                await connection.execute(insert(settings).values(name="a", value="b"))


async def test_reader_sees_one_state_while_a_writer_commits(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database, database.read() as reader:
        assert await list_users(reader) == []
        async with database.write() as writer:
            await create_user(writer, "ada", 1.0)
        assert await list_users(reader) == []
    async with fresh_database(tmp_path) as database, database.read() as reader:
        assert [user.name for user in await list_users(reader)] == ["ada"]


async def test_racing_writers_of_one_process_wait_for_each_other(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:

        async def add(number: int) -> None:
            async with database.write() as connection:
                await create_user(connection, f"user{number}", 1.0)

        await asyncio.gather(*(add(number) for number in range(20)))
        async with database.read() as connection:
            assert len(await list_users(connection)) == 20


async def test_database_locked_by_another_process_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PRAGMAS", (*sqlite.PRAGMAS, "busy_timeout=1"))
    async with fresh_database(tmp_path) as database:
        other = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                async with database.write():
                    pass
            other.execute("ROLLBACK")
            async with database.write() as connection:
                await create_user(connection, "ada", 1.0)
        finally:
            other.close()


async def test_settings_of_the_connections_are_those_that_survive_a_power_cut(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        for use, read_only, checkpoint in ((database.read, 1, 0), (database.write, 0, 1000)):
            async with use() as connection:
                found = {
                    name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size", "query_only")
                }
                assert found == {
                    "journal_mode": "wal",
                    "synchronous": 2,
                    "foreign_keys": 1,
                    "mmap_size": 0,
                    "query_only": read_only,
                }
                assert (await connection.execute(text("PRAGMA wal_autocheckpoint"))).scalar_one() == checkpoint


async def test_command_beside_a_running_hub_does_not_checkpoint(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as serving, serving.read() as connection:
        await connection.execute(select(settings))
        beside = Database(f"sqlite+aiosqlite:///{tmp_path / DATABASE_NAME}", checkpoints=False)
        async with beside.write() as writer:
            assert (await writer.execute(text("PRAGMA wal_autocheckpoint"))).scalar_one() == 0
        await beside.close()
