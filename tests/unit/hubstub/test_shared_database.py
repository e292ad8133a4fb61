"""PostgreSQL, where transactions that write run side by side: who meets another tries again, and nobody is told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hubstub.config import HubSettings
from hubstub.first_run import ensure_owner, ensure_url_secret
from hubstub.index.database import Database
from hubstub.index.locks import lock_repository
from hubstub.index.postgresql import require_postgresql_package
from hubstub.index.schema import objects, repositories, settings
from hubstub.people.repositories import create_repository
from hubstub.people.users import create_user, list_users
from hubstub.push.rows import insert_rows
from museui.core.errors import Invalid, MuseError, Unavailable, Usage
from tests.helpers.hub import hub_command
from tests.helpers.hub_index import fresh_database
from tests.helpers.postgresql import PASSWORD, PostgresServer, query

MANY = 12


@pytest.fixture
async def shared(postgresql: PostgresServer) -> AsyncIterator[Database]:
    database = Database(postgresql.new_database())
    await database.open()
    yield database
    await database.close()


async def _results(*works: Awaitable[object]) -> list[object]:
    return await asyncio.gather(*works, return_exceptions=True)


async def test_hubs_that_start_at_once_agree(postgresql: PostgresServer) -> None:
    url = postgresql.new_database()

    async def start() -> tuple[str, bool, bytes]:
        database = Database(url)
        try:
            await database.open()
            name, token = await ensure_owner(database, None, "ada", 1.0)
            return name, token is not None, await ensure_url_secret(database)
        finally:
            await database.close()

    started = await asyncio.gather(*(start() for _ in range(4)))
    assert {name for name, _, _ in started} == {"ada"}
    assert [has_token for _, has_token, _ in started].count(True) == 1
    assert len({secret for _, _, secret in started}) == 1
    assert query(url, "SELECT count(*) FROM alembic_version") == [(1,)]


async def test_of_those_who_take_one_name_at_once_one_gets_it(shared: Database) -> None:
    names = ["Ada" if number % 2 else "ada" for number in range(MANY)]
    done = await _results(*(shared.change(lambda c, name=name: create_user(c, name, 1.0)) for name in names))  # type: ignore[misc]
    refused = [result for result in done if isinstance(result, BaseException)]
    assert len(refused) == MANY - 1 and all(isinstance(error, Invalid) for error in refused), refused
    async with shared.read() as connection:
        (user,) = await list_users(connection)

    made = await _results(*(shared.change(lambda c: create_repository(c, user.id, "song", 1.0)) for _ in range(MANY)))
    assert sum(isinstance(result, Invalid) for result in made) == MANY - 1, made


async def test_two_that_wait_for_each_other_both_get_through(shared: Database) -> None:
    names, met = ("a", "b"), asyncio.Barrier(2)
    await shared.change(lambda c: c.execute(insert(settings), [{"name": name, "value": ""} for name in names]))
    tried = 0

    async def work(connection: AsyncConnection, order: tuple[str, ...]) -> None:
        nonlocal tried
        tried += 1
        first_time = tried <= 2
        for name in order:
            await connection.execute(
                update(settings).where(settings.c.name == name).values(value=func.concat(settings.c.value, order[0]))
            )
            if first_time and name == order[0]:
                await met.wait()

    await asyncio.gather(*(shared.change(lambda c, o=o: work(c, o)) for o in (names, names[::-1])))  # type: ignore[misc]
    assert tried > 2, "they never met"
    async with shared.read() as connection:
        values = (await connection.execute(select(settings.c.value))).scalars().all()
    assert [sorted(value) for value in values] == [["a", "b"]] * 2


async def test_who_writes_alone_waits_for_all_others_and_they_for_them(shared: Database) -> None:
    order: list[str] = []
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def beside() -> None:
        async with shared.write():
            inside.set()
            await go_on.wait()
            order.append("beside")

    async def alone() -> None:
        async with shared.write(alone=True):
            order.append("alone")

    first = asyncio.create_task(beside())
    await inside.wait()
    second = asyncio.create_task(alone())
    async with shared.read() as connection:
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not (await connection.execute(waiting)).scalar_one():
            await asyncio.sleep(0.01)
    go_on.set()
    await asyncio.gather(first, second)
    assert order == ["beside", "alone"]


async def test_a_locked_repository_is_looked_at_by_one(shared: Database) -> None:
    user = await shared.change(lambda c: create_user(c, "ada", 1.0))
    song = await shared.change(lambda c: create_repository(c, user.id, "song", 1.0))

    async def add(connection: AsyncConnection) -> None:
        await lock_repository(connection, song.id)
        row = repositories.c.id == song.id
        stored = (await connection.execute(select(repositories.c.stored_bytes).where(row))).scalar_one()
        await asyncio.sleep(0)
        await connection.execute(update(repositories).where(row).values(stored_bytes=stored + 1))

    await asyncio.gather(*(shared.change(add) for _ in range(MANY)))
    async with shared.read() as connection:
        assert (await connection.execute(select(repositories.c.stored_bytes))).scalar_one() == MANY


async def test_many_rows_at_once_leave_alone_what_is_there(folder: Path) -> None:
    rows = [(bytes([number]) * 32, 1 << 40) for number in range(100)]
    columns = ("id", "size_bytes")
    async with fresh_database(folder) as database, database.write() as connection:
        await connection.execute(insert(objects).values(id=rows[7][0], size_bytes=7))
        await insert_rows(database, connection, objects, columns, rows)
        await insert_rows(database, connection, objects, columns[::-1], [row[::-1] for row in rows])
        found = (await connection.execute(select(objects.c.id, objects.c.size_bytes).order_by(objects.c.id))).all()
    assert [tuple(row) for row in found] == [(key, 7 if at == 7 else size) for at, (key, size) in enumerate(rows)]


async def test_what_it_cannot_hold_is_invalid_and_not_a_fault(shared: Database) -> None:
    for value in ("a\0b", "\ud800"):
        with pytest.raises(Invalid, match="cannot hold"):
            await shared.change(lambda c, value=value: c.execute(insert(settings).values(name="n", value=value)))  # type: ignore[misc]


async def test_a_reading_connection_cannot_write_and_sees_one_state(shared: Database) -> None:
    with pytest.raises(Unavailable):
        async with shared.read() as connection:
            await connection.execute(insert(settings).values(name="a", value="b"))
    async with shared.read() as reader:
        assert await list_users(reader) == []
        await shared.change(lambda c: create_user(c, "ada", 1.0))
        assert await list_users(reader) == []


async def test_a_connection_that_was_cut_is_replaced(shared: Database) -> None:
    await shared.change(lambda c: create_user(c, "ada", 1.0))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> {}"
    async with shared.write() as connection:
        own = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await connection.execute(text(cut.format(own)))
    async with shared.read() as reader:
        assert len(await list_users(reader)) == 1
    with pytest.raises(Unavailable):
        async with shared.write() as connection:
            own = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with shared.read() as reader:
                await reader.execute(text("SELECT 1"))
            await connection.execute(text(f"SELECT pg_terminate_backend({own})"))
    await shared.change(lambda c: create_user(c, "bob", 1.0))


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("127.0.0.1:1/hub", Unavailable, "does not answer"),
        ("127.0.0.1:port/hub", Usage, "cannot be understood"),
        ("127.0.0.1:{port}/none", Usage, "does not exist"),
        ("127.0.0.1:{port}/postgres?sslmode=require", Unavailable, "does not answer"),
    ],
)
async def test_an_address_that_will_not_do_is_an_error_without_the_password(
    postgresql: PostgresServer, address: str, error: type[MuseError], words: str
) -> None:
    url = f"postgresql://museui:{PASSWORD}@{address.format(port=postgresql.port)}"
    assert PASSWORD not in repr(HubSettings(Path(), database=url))
    database = Database(url)
    with pytest.raises(error, match=words) as caught:
        await database.open()
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint} {caught.value.details}"
    await database.close()


def test_a_wrong_password_is_said_and_not_shown(postgresql: PostgresServer, tmp_path: Path) -> None:
    url = postgresql.new_database().replace(PASSWORD, "guessed-wrong")
    failed = hub_command("init", "--data", tmp_path, "--database", url, "--json", expect=2)
    assert "password authentication failed" in failed.stdout and "guessed-wrong" not in failed.stdout + failed.stderr
    failed = hub_command("init", "--data", tmp_path, "--database", "mysql://museui:guessed-wrong@h/d", expect=2)
    assert "no address of a PostgreSQL database" in failed.stderr and "guessed-wrong" not in failed.stderr


def test_without_the_driver_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(Usage) as caught:
        require_postgresql_package()
    assert "museui[postgres]" in caught.value.hint


def test_a_folder_with_a_hub_of_its_own_keeps_its_database(tmp_path: Path, postgresql: PostgresServer) -> None:
    hub_command("init", "--data", tmp_path)
    url = postgresql.new_database()
    for verb in ("init", "serve"):
        failed = hub_command(verb, "--data", tmp_path, "--database", url, expect=2)
        assert "has its database there" in failed.stderr
    assert query(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
