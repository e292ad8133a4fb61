"""Objects that wait for a push: whose they are, how long, and what a push makes of them, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from hubstub.index.database import Database
from hubstub.index.history import existing_objects
from hubstub.index.schema import bundles, objects, pending_objects
from hubstub.people.repositories import create_repository
from hubstub.people.users import create_user
from hubstub.push.closure import check_closed
from hubstub.push.objects.pending import PENDING_S, add_pending, admit_pending, find_pending, forget_pending
from hubstub.push.verify import CommitEntry, Contents
from museui.core.errors import Integrity, Unavailable
from museui.core.ids import CommitId, ObjectId, SnapshotId
from tests.helpers.hub_index import fresh_database, made_id

KICK, SNARE = ObjectId(made_id("kick")), ObjectId(made_id("snare"))
SIZES = {KICK: 3, SNARE: 0}


@asynccontextmanager
async def _hub(folder: Path) -> AsyncIterator[tuple[Database, int, int, int, int]]:
    """An index, two repositories and two users."""
    async with fresh_database(folder) as database:
        async with database.write() as connection:
            ada = await create_user(connection, "ada", 1.0)
            bob = await create_user(connection, "bob", 1.0)
            song = await create_repository(connection, ada.id, "song", 1.0)
            other = await create_repository(connection, ada.id, "other", 1.0)
        yield database, song.id, other.id, ada.id, bob.id


def test_pending_objects_count_for_their_user_and_repository_alone(tmp_path: Path) -> None:
    async def check() -> None:
        async with _hub(tmp_path) as (database, song, other, ada, bob), database.write() as connection:
            await add_pending(database, connection, song, ada, SIZES, 1.0)
            assert await find_pending(connection, song, ada, [KICK, SNARE, ObjectId(made_id("x"))]) == {KICK, SNARE}
            assert not await find_pending(connection, song, bob, [KICK])
            assert not await find_pending(connection, other, ada, [KICK])
            assert not await existing_objects(connection, song, [KICK])

    asyncio.run(check())


def test_pending_objects_lie_under_their_own_key_unless_the_index_knows_better(tmp_path: Path) -> None:
    async def check() -> None:
        async with _hub(tmp_path) as (database, song, _, ada, _bob), database.write() as connection:
            bundle = {"id": "b", "bundle_id": bytes(32), "size_bytes": 9, "frames": b"", "created_at": 1.0}
            await connection.execute(insert(bundles).values(bundle))
            known = {"id": bytes.fromhex(KICK), "size_bytes": 3, "bundle": "b", "raw_offset": 6}
            await connection.execute(insert(objects).values(known))
            await add_pending(database, connection, song, ada, SIZES, 1.0)
            rows = (await connection.execute(select(objects).order_by(objects.c.size_bytes))).all()
            assert [(row.size_bytes, row.bundle, row.raw_offset) for row in rows] == [(0, None, None), (3, "b", 6)]

    asyncio.run(check())


def test_an_object_that_is_uploaded_again_waits_anew(tmp_path: Path) -> None:
    async def check() -> None:
        async with _hub(tmp_path) as (database, song, _, ada, _bob), database.write() as connection:
            await add_pending(database, connection, song, ada, SIZES, 1.0)
            await add_pending(database, connection, song, ada, {KICK: 3}, 1000.0)
            await forget_pending(connection, 1.0 + PENDING_S)
            assert await find_pending(connection, song, ada, [KICK, SNARE]) == {KICK}
            await forget_pending(connection, 1000.0 + PENDING_S)
            assert (await connection.execute(select(pending_objects))).first() is None

    asyncio.run(check())


def test_admitted_objects_are_members_and_wait_no_more(tmp_path: Path) -> None:
    async def check() -> None:
        async with _hub(tmp_path) as (database, song, _, ada, bob), database.write() as connection:
            await add_pending(database, connection, song, ada, SIZES, 1.0)
            await add_pending(database, connection, song, bob, {KICK: 3}, 1.0)
            await admit_pending(database, connection, song, ada, {KICK, SNARE})
            assert await existing_objects(connection, song, [KICK, SNARE]) == {KICK, SNARE}
            assert not await find_pending(connection, song, ada, [KICK, SNARE])
            assert await find_pending(connection, song, bob, [KICK]) == {KICK}
            await admit_pending(database, connection, song, ada, {KICK, SNARE})

    asyncio.run(check())


def test_objects_that_went_meanwhile_are_not_admitted(tmp_path: Path) -> None:
    async def check() -> None:
        async with _hub(tmp_path) as (database, song, _, ada, bob), database.write() as connection:
            await add_pending(database, connection, song, bob, {KICK: 3}, 1.0)
            with pytest.raises(Unavailable, match=KICK):
                await admit_pending(database, connection, song, ada, {KICK})

    asyncio.run(check())


def test_a_push_is_closed_by_what_its_own_user_uploaded_for_it_alone(tmp_path: Path) -> None:
    head, snapshot = CommitId(made_id("head")), SnapshotId(made_id("snapshot"))
    contents = Contents(ordered=[head], needed_objects={KICK})
    contents.commits[head] = CommitEntry((), snapshot, None)  # type: ignore[arg-type]
    contents.snapshots[snapshot] = None  # type: ignore[assignment]

    async def check() -> None:
        async with _hub(tmp_path) as (database, song, other, ada, bob), database.write() as connection:
            await add_pending(database, connection, song, ada, {KICK: 3}, 1.0)
            closure = await check_closed(connection, song, ada, contents, head)
            assert closure.pending_objects == {KICK}
            assert not closure.had_objects
            for repository, user in ((song, bob), (other, ada)):
                with pytest.raises(Integrity, match=KICK):
                    await check_closed(connection, repository, user, contents, head)

    asyncio.run(check())
