"""The hub is killed between any two steps; started again it has the old state or the new one, and the push ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from hubstub.push import FAILPOINTS
from museui.core.errors import MuseError
from museui.core.ids import ObjectId
from museui.hub.client import HubClient
from museui.hub.retry import RetryPolicy
from museui.hub.url import parse_repository_url
from museui.repo.repository import Repository
from museui.sync.fetch import fetch
from museui.sync.push import Push
from museui.sync.push_outcome import PushOutcome
from museui.sync.push_request import Environment, PushRequest
from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import read_tables, stored_files
from tests.helpers.push_client import wait_until
from tests.helpers.upkeep import take_leftovers
from tests.helpers.workload import RepositoryBuilder

OLD = ("staging.received", "confirm.read", "confirm.verified", "confirm.stored", "confirm.before_commit")
STREAMED = ("confirm.verified", "confirm.before_commit", "confirm.committed", "promote.object")


async def push(hub: HubProcess, repository: Repository, spool: Path, strategy: Any) -> PushOutcome:
    """One push without retries."""
    request = PushRequest(branch="main", head=repository.branches()["main"], strategy=strategy)
    environment = Environment(kept_bundles=spool, retry=RetryPolicy(tries=1))
    async with HubClient(parse_repository_url(hub.repository()), hub.token) as client:
        return await Push(repository, client, request, environment).run()


def objects_of(repository: Repository) -> list[ObjectId]:
    return list(repository.store.object_ids())


@pytest.mark.parametrize(
    ("strategy", "place"),
    [("bundle", place) for place in FAILPOINTS] + [("stream", place) for place in STREAMED],
)
async def test_a_killed_hub_is_as_before_or_as_after(tmp_path: Path, place: str, strategy: str) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    first = builder.commit({"a.txt": b"first", "b.bin": bytes(range(256))})
    repository, spool = Repository.open(builder.root), tmp_path / "spool"
    with HubProcess(data_dir=tmp_path / "hub") as hub:
        await push(hub, repository, spool, strategy)
        wait_until(lambda: not read_tables(hub.data_dir, ("jobs",))["jobs"])
        second = builder.commit({"a.txt": b"second", "b.bin": bytes(range(256)), "c/d": b"", "e": b"e" * 100_000})
        hub.restart(failpoint=place)
        try:
            await push(hub, repository, spool, strategy)
        except MuseError as exc:
            assert exc.retryable, exc
        else:
            assert place.startswith("promote.")
        assert hub.wait_killed() == -9
        hub.failpoint = ""
        hub.start()

        expected = first if place in OLD else second
        assert await heads(hub) == {"main": expected}
        await fetched_equals(hub, tmp_path / "between", repository, expected)

        ended = await push(hub, repository, spool, strategy)
        assert ended.up_to_date == (expected == second)
        assert await heads(hub) == {"main": second}
        pushed = [row[4].hex() for row in read_tables(hub.data_dir, ("pushes",))["pushes"]]
        assert sorted(pushed) == sorted([first, second]), "one move of the branch for each push"
        await fetched_equals(hub, tmp_path / "after", repository, second)
        wait_until(lambda: not read_tables(hub.data_dir, ("jobs",))["jobs"])
        hub.restart()
        await fetched_equals(hub, tmp_path / "promoted", repository, second)
        await asyncio.to_thread(take_leftovers, hub)
        files = stored_files(hub.data_dir)
        assert {path for path in files if not path.startswith("store/objects/")} == set(), "litter"
        assert len(files) == len(objects_of(repository))
        assert [path for path in spool.rglob("*") if path.name != "lines.json"] == []


async def heads(hub: HubProcess) -> dict[str, str]:
    async with HubClient(parse_repository_url(hub.repository()), hub.token) as client:
        return dict((await client.fetch_refs()).branch_heads)


async def fetched_equals(hub: HubProcess, folder: Path, repository: Repository, head: str) -> None:
    """Everything that ``head`` reaches can be fetched, and every object of it read on its own."""
    copy = Repository.init(folder, repository.domain, repo_id=repository.repo_id)
    async with HubClient(parse_repository_url(hub.repository()), hub.token) as client:
        await fetch(copy, client, "origin")
    assert copy.read_tracking("origin", "main") == head
    async with httpx.AsyncClient(headers=hub.headers) as plain:
        for object_id in copy.store.object_ids():
            answer = await plain.get(f"{hub.url}/o/{object_id}")
            assert answer.status_code == 200
            assert answer.content == b"".join(repository.read_object(object_id))
