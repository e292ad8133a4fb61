"""Pages of a history: everything once, children first, at a cost that does not grow with what lies below."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import event, insert

from hubstub.index.database import Database
from hubstub.index.history import walk
from hubstub.index.recent import list_recent
from hubstub.index.schema import repositories
from hubstub.people.users import create_user
from museui.core.ids import CommitId
from tests.helpers.hub_index import Graph, fresh_database, insert_history, line, made_id


async def _seed(database: Database, graph: Graph) -> None:
    async with database.write() as connection:
        await create_user(connection, "ada", 1.0)
        row = {"id": 1, "public_id": "r", "owner_id": 1, "slug": "song", "visibility": "private", "created_at": 1.0}
        await connection.execute(insert(repositories), row)
        await insert_history(connection, 1, graph)


async def _pages(database: Database, heads: list[CommitId], limit: int) -> list[list[CommitId]]:
    pages: list[list[CommitId]] = []
    async with database.read() as connection:
        while heads:
            rows, heads = await list_recent(connection, 1, heads, limit)
            pages.append([row.id for row in rows])
    return pages


@pytest.mark.parametrize("seed", range(4))
async def test_pages_have_every_reachable_commit_once_and_children_first(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    ids = [made_id(f"{seed} {number}") for number in range(150)]
    graph = {
        item: dice.sample(ids[max(0, at - 9) : at], min(at, dice.choice((1, 1, 2)))) for at, item in enumerate(ids)
    }
    async with fresh_database(tmp_path) as database:
        await _seed(database, graph)
        head = ids[-1]
        pages = await _pages(database, [head], 7)
        shown = [item for page in pages for item in page]
        async with database.read() as connection:
            expected = {row.id async for row in walk(connection, 1, [head], [])}
        assert len(shown) == len(set(shown)) and set(shown) == expected
        assert all(len(page) == 7 for page in pages[:-1])
        places = {item: at for at, item in enumerate(shown)}
        assert all(places[item] < places[parent] for item in shown for parent in graph[item])


async def test_page_costs_the_same_at_every_depth_of_a_long_history(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        await _seed(database, line(10_000))
        asked: list[str] = []
        event.listen(database._readers.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        for number in (9999, 5000, 100):
            asked.clear()
            async with database.read() as connection:
                rows, rest = await list_recent(connection, 1, [made_id(f"c{number}")], 40)
            assert [row.id for row in rows] == [made_id(f"c{number - at}") for at in range(40)]
            assert rest == [made_id(f"c{number - 40}")]
            assert len(asked) == 2


async def test_unknown_heads_and_an_empty_history_give_nothing(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as database:
        await _seed(database, {})
        assert await _pages(database, [made_id("x")], 5) == [[]]
