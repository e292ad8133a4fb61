"""Users, tokens and repositories as the index holds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from hubstub.config import DATABASE_NAME
from hubstub.index.schema import branches, commits, metadata, tokens
from hubstub.people.access import Access, covers, find_access, readable_by, set_collaborator
from hubstub.people.repositories import (
    change_repository,
    create_repository,
    delete_repository,
    find_repository,
    list_repositories,
    require_repository,
)
from hubstub.people.tokens import Caller, check_token, create_token, list_tokens, revoke_token
from hubstub.people.users import UserRow, create_user, find_user
from museui.core.errors import Invalid, NotFound, Unauthorized
from tests.helpers.hub_index import fresh_database, insert_history, line


async def test_token_is_good_until_it_expires_or_is_revoked(folder: Path) -> None:
    async with fresh_database(folder) as database, database.write() as connection:
        user = await create_user(connection, "ada", 1.0)
        token = await create_token(connection, user.id, 100.0, scope="read", expires_at=200.0)
        caller = await check_token(connection, token, 199.0)
        assert (caller.name, caller.scope, caller.repository_id) == ("ada", "read", None)
        with pytest.raises(Unauthorized):
            await check_token(connection, token, 200.0)
        await revoke_token(connection, token.split("_")[1], 150.0)
        with pytest.raises(Unauthorized):
            await check_token(connection, token, 150.0)
        await revoke_token(connection, token, 160.0)
        (row,) = await list_tokens(connection)
        assert row.revoked_at == 150.0
        with pytest.raises(NotFound):
            await revoke_token(connection, "0" * 16, 150.0)


async def test_every_wrong_token_gets_the_same_error(folder: Path) -> None:
    async with fresh_database(folder) as database, database.write() as connection:
        user = await create_user(connection, "ada", 1.0)
        token = await create_token(connection, user.id, 100.0)
        spoiled = token[:-1] + ("A" if token[-1] != "A" else "B")
        unknown = "muse_" + "0" * 16 + token[21:]
        said = set()
        for wrong in ("", "x", token + "x", token[:-1], spoiled, unknown, token.upper(), token + "\n", "é" * 65):
            with pytest.raises(Unauthorized) as caught:
                await check_token(connection, wrong, 100.0)
            said.add((caught.value.message, caught.value.hint))
        assert len(said) == 1


async def test_secret_is_nowhere_in_the_files(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        async with database.write() as connection:
            user = await create_user(connection, "ada", 1.0)
            token = await create_token(connection, user.id, 100.0)
            stored = (await connection.execute(select(tokens.c.secret_hash))).scalar_one()
        assert len(stored) == 32
        secret = token.split("_", 2)[2].encode()
        assert len(secret) == 43
        files = [path for path in tmp_path.iterdir() if path.is_file()]
        assert tmp_path / DATABASE_NAME in files
        assert not any(secret in path.read_bytes() for path in files)


async def test_names_that_differ_only_in_case_are_refused(folder: Path) -> None:
    async with fresh_database(folder) as database, database.write() as connection:
        user = await create_user(connection, "ada", 1.0)
        await create_repository(connection, user.id, "song", 1.0)
        for name in ("ada", "Ada", "repos", "..", "a/b", "", "o"):
            with pytest.raises(Invalid):
                await create_user(connection, name, 1.0)
        for slug in ("song", "SONG", "..", "a/b", "", "-x", "x.lock", "a" * 101):
            with pytest.raises(Invalid):
                await create_repository(connection, user.id, slug, 1.0)
        with pytest.raises(NotFound):
            await find_user(connection, "ADA")
        assert await find_repository(connection, "ada", "Song") is None


async def test_deleted_repository_leaves_no_rows(folder: Path) -> None:
    async with fresh_database(folder) as database, database.write() as connection:
        user = await create_user(connection, "ada", 1.0)
        song = await create_repository(connection, user.id, "song", 1.0)
        kept = await create_repository(connection, user.id, "kept", 1.0)
        graph = line(3)
        for repository in (song, kept):
            await insert_history(connection, repository.id, graph)
            await create_token(connection, user.id, 1.0, repository_id=repository.id)
            row = {"repository_id": repository.id, "name": "main", "head": bytes(32), "updated_at": 1.0}
            await connection.execute(branches.insert(), row)
        await delete_repository(connection, song.id)
        for table in metadata.sorted_tables:
            if "repository_id" in table.c:
                left = select(func.count()).select_from(table).where(table.c.repository_id == song.id)
                assert (await connection.execute(left)).scalar_one() == 0, table.name
        kept_commits = select(func.count()).select_from(commits).where(commits.c.repository_id == kept.id)
        assert (await connection.execute(kept_commits)).scalar_one() == 3
        assert [row.repository for row in await list_tokens(connection)] == ["ada/kept"]


async def test_list_shows_public_ones_and_the_readers_own_in_pages(folder: Path) -> None:
    async with fresh_database(folder) as database, database.write() as connection:
        ada, bob = [await create_user(connection, name, 1.0) for name in ("ada", "bob")]
        for owner in (bob, ada):
            for slug in ("one", "two"):
                await create_repository(connection, owner.id, slug, 1.0)
        public = await require_repository(connection, "bob/two")
        await change_repository(connection, public.id, visibility="public")

        async def names(**options: object) -> list[str]:
            return [row.name for row in await list_repositories(connection, **options)]  # type: ignore[arg-type]

        one = await require_repository(connection, "ada/one")
        assert await names(where=readable_by(None)) == ["bob/two"]
        assert await names(where=readable_by(_caller(ada))) == ["ada/one", "ada/two", "bob/two"]
        assert await names(where=readable_by(_caller(ada, one.id))) == ["ada/one", "bob/two"]
        shared = await require_repository(connection, "bob/one")
        await set_collaborator(connection, shared, "ada", "read", 1.0)
        assert await names(where=readable_by(_caller(ada))) == ["ada/one", "ada/two", "bob/one", "bob/two"]
        assert await names(where=readable_by(_caller(ada, one.id))) == ["ada/one", "bob/two"]
        assert await names(where=readable_by(_caller(ada, shared.id))) == ["bob/one", "bob/two"]
        assert await names(limit=3) == ["ada/one", "ada/two", "bob/one"]
        assert await names(limit=3, after=("bob", "one")) == ["bob/two"]
        assert await names(after=("ada", "one"), limit=1) == ["ada/two"]
        with pytest.raises(NotFound):
            await require_repository(connection, "ada")


def _caller(user: UserRow, repository_id: int | None = None) -> Caller:
    return Caller(user.id, user.name, "write", repository_id, "0" * 16)


async def test_access_is_the_owner_s_the_collaborator_s_or_everybody_s(folder: Path) -> None:
    async with fresh_database(folder) as database, database.write() as connection:
        ada, bob, eve = [await create_user(connection, name, 1.0) for name in ("ada", "bob", "eve")]
        song = await create_repository(connection, ada.id, "song", 1.0)
        other = await create_repository(connection, ada.id, "other", 1.0)
        await set_collaborator(connection, song, "bob", "write", 1.0)
        everybody = [_caller(ada), _caller(bob), _caller(eve), None]

        async def found(callers: list[Caller | None]) -> list[str | None]:
            return [await find_access(connection, caller, song) for caller in callers]

        assert await found(everybody) == ["admin", "write", None, None]
        assert await found([_caller(ada, song.id), _caller(bob, song.id)]) == ["admin", "write"]
        assert await found([_caller(ada, other.id), _caller(bob, other.id)]) == [None, None]
        await set_collaborator(connection, song, "bob", "read", 1.0)
        assert await found(everybody) == ["admin", "read", None, None]
        song = await change_repository(connection, song.id, visibility="public")
        assert await found(everybody) == ["admin", "read", "read", "read"]
        with pytest.raises(Invalid):
            await set_collaborator(connection, song, "ada", "read", 1.0)
        with pytest.raises(NotFound):
            await set_collaborator(connection, song, "nobody", "read", 1.0)


def test_each_access_covers_those_below_it() -> None:
    order: list[Access] = ["read", "write", "admin"]
    for given in (None, *order):
        covered = order[: order.index(given) + 1] if given else []
        assert [need for need in order if covers(given, need)] == covered
