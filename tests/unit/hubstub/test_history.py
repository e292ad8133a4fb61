"""The queries about a repository's history, on a real database, against plain set arithmetic."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hubstub.index.history import existing_commits, existing_objects, has_commits, is_ancestor, walk
from hubstub.index.schema import objects as objects_table
from hubstub.index.schema import repository_objects
from hubstub.people.repositories import create_repository
from hubstub.people.users import create_user
from museui.core.ids import CommitId, ObjectId
from tests.helpers.hub_index import fresh_database, insert_history, line, made_id


async def _two_repositories(connection: AsyncConnection) -> tuple[int, int]:
    user = await create_user(connection, "ada", 1.0)
    first = await create_repository(connection, user.id, "song", 1.0)
    second = await create_repository(connection, user.id, "other", 1.0)
    return first.id, second.id


def _ancestors(graph: dict[CommitId, list[CommitId]], start: Sequence[CommitId]) -> set[CommitId]:
    """Every commit reachable from ``start``, themselves included."""
    seen: set[CommitId] = set()
    todo = list(start)
    while todo:
        commit = todo.pop()
        if commit in graph and commit not in seen:
            seen.add(commit)
            todo.extend(graph[commit])
    return seen


@st.composite
def _graphs(draw: st.DrawFn) -> dict[CommitId, list[CommitId]]:
    size = draw(st.integers(1, 40))
    ids = [made_id(number) for number in range(size)]
    graph: dict[CommitId, list[CommitId]] = {}
    for at, commit in enumerate(ids):
        parents = st.lists(st.integers(0, at - 1), max_size=2, unique=True) if at else st.just([])
        graph[commit] = [ids[parent] for parent in draw(parents)]
    return graph


@given(graph=_graphs(), data=st.data())
@settings(max_examples=25)
def test_walk_and_ancestry_agree_with_set_arithmetic(
    graph: dict[CommitId, list[CommitId]], data: st.DataObject
) -> None:
    some = st.lists(st.sampled_from([*graph, made_id("unknown")]), max_size=4)
    want, have = data.draw(some), data.draw(some)
    old, new = data.draw(st.sampled_from(list(graph))), data.draw(st.sampled_from(list(graph)))

    async def check() -> None:
        with TemporaryDirectory() as folder:
            async with fresh_database(Path(folder)) as database, database.write() as connection:
                repository, other = await _two_repositories(connection)
                await insert_history(connection, repository, graph)
                rows = [row async for row in walk(connection, repository, want, have)]
                assert {row.id for row in rows} == _ancestors(graph, want) - _ancestors(graph, have)
                assert len({row.id for row in rows}) == len(rows)
                place = {row.id: at for at, row in enumerate(rows)}
                for row in rows:
                    assert list(row.parents) == graph[row.id]
                    assert all(place.get(parent, -1) < place[row.id] for parent in row.parents)
                assert await is_ancestor(connection, repository, old, new) == (old in _ancestors(graph, [new]))
                assert not await is_ancestor(connection, other, old, new)
                assert [row async for row in walk(connection, other, want, have)] == []

    asyncio.run(check())


async def test_long_history_is_walked_whole_and_in_order(folder: Path) -> None:
    graph = line(5000)
    ids = list(graph)
    async with fresh_database(folder) as database, database.write() as connection:
        repository, _ = await _two_repositories(connection)
        await insert_history(connection, repository, graph)
        assert [row.id async for row in walk(connection, repository, [ids[-1]], [])] == ids
        assert [row.id async for row in walk(connection, repository, [ids[-1]], [ids[-4]])] == ids[-3:]
        assert await is_ancestor(connection, repository, ids[0], ids[-1])
        assert not await is_ancestor(connection, repository, ids[-1], ids[0])
        assert not await is_ancestor(connection, repository, made_id("unknown"), ids[-1])


async def test_ancestry_reads_the_distance_and_not_the_history(folder: Path) -> None:
    graph = line(20_000)
    ids = list(graph)
    statements: list[str] = []
    async with fresh_database(folder) as database, database.write() as connection:
        repository, _ = await _two_repositories(connection)
        await insert_history(connection, repository, graph)
        raw = connection.sync_connection
        assert raw is not None
        event.listen(raw, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        assert await is_ancestor(connection, repository, ids[-3], ids[-1])
        assert not await is_ancestor(connection, repository, ids[-1], ids[-2])
    assert 0 < len(statements) <= 4


async def test_existing_ids_are_found_among_more_than_a_database_takes_at_once(folder: Path) -> None:
    objects = [ObjectId(made_id(f"o{number}")) for number in range(40_000)]
    graph = line(40_000)
    async with fresh_database(folder) as database, database.write() as connection:
        repository, other = await _two_repositories(connection)
        await insert_history(connection, repository, graph)
        rows = [{"repository_id": repository, "object_id": bytes.fromhex(item)} for item in objects[::2]]
        await connection.execute(insert(repository_objects), rows)
        assert await existing_objects(connection, repository, objects) == set(), "members that the hub has lost"
        held = [{"id": row["object_id"], "size_bytes": 1} for row in rows]
        await connection.execute(insert(objects_table), held)
        assert await existing_objects(connection, repository, objects) == set(objects[::2])
        assert await existing_objects(connection, other, objects) == set()
        known = await existing_commits(connection, repository, [*graph, made_id("unknown")])
        assert known == {commit: number + 1 for number, commit in enumerate(graph)}
        assert await has_commits(connection, repository)
        assert not await has_commits(connection, other)
