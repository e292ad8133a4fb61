"""Sessions as the index holds them: they end with their time, with their token, and when somebody signs out."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubstub.config import DATABASE_NAME
from hubstub.index.schema import sessions
from hubstub.people.sessions import SESSION_S, end_session, find_session, start_session
from hubstub.people.tokens import create_token, revoke_token
from hubstub.people.users import create_user
from museui.core.errors import Unauthorized
from tests.helpers.hub_index import fresh_database


async def _token(connection: AsyncConnection, expires_at: float | None = None) -> str:
    user = await create_user(connection, "ada", 1.0)
    return await create_token(connection, user.id, 1.0, scope="read", expires_at=expires_at)


async def test_session_is_its_token_s_caller_until_its_time_is_up(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database, database.write() as connection:
        secret = await start_session(connection, await _token(connection), 100.0)
        caller = await find_session(connection, secret, 99.0 + SESSION_S)
        assert caller and (caller.name, caller.scope) == ("ada", "read")
        assert await find_session(connection, secret, 100.0 + SESSION_S) is None


async def test_session_ends_at_once_with_its_token(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database, database.write() as connection:
        token = await _token(connection, expires_at=200.0)
        secret = await start_session(connection, token, 100.0)
        assert await find_session(connection, secret, 199.0)
        assert await find_session(connection, secret, 200.0) is None
        await revoke_token(connection, token, 150.0)
        assert await find_session(connection, secret, 151.0) is None


async def test_only_one_s_own_session_is_ended(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database, database.write() as connection:
        token = await _token(connection)
        first, second = [await start_session(connection, token, 100.0) for _ in range(2)]
        await end_session(connection, first)
        await end_session(connection, "nonsense")
        assert await find_session(connection, first, 101.0) is None
        assert await find_session(connection, second, 101.0)


@pytest.mark.parametrize("wrong", ["", "x", "muse_0000000000000000_" + "A" * 43])
async def test_what_is_no_token_starts_nothing(tmp_path: Path, wrong: str) -> None:
    async with fresh_database(tmp_path) as database, database.write() as connection:
        await _token(connection)
        with pytest.raises(Unauthorized):
            await start_session(connection, wrong, 100.0)
        assert (await connection.execute(select(func.count()).select_from(sessions))).scalar_one() == 0


async def test_sessions_do_not_pile_up(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database, database.write() as connection:
        token = await _token(connection)
        secrets = [await start_session(connection, token, 100.0 + number) for number in range(25)]
        live = [bool(await find_session(connection, secret, 200.0)) for secret in secrets]
        assert live == [False] * 5 + [True] * 20
        await start_session(connection, token, 1000.0 + SESSION_S)
        assert (await connection.execute(select(func.count()).select_from(sessions))).scalar_one() == 1


async def test_what_the_cookie_holds_is_nowhere_in_the_files(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database, database.write() as connection:
        secret = await start_session(connection, await _token(connection), 100.0)
    assert secret.encode() not in (tmp_path / DATABASE_NAME).read_bytes()
