"""Collections without any grace beside pushes that make, replace and delete: what was acknowledged can be read."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from hubstub.index.database import Database
from hubstub.store.files import FileStore
from hubstub.store.s3 import S3Store
from museui.core.ids import hash_object
from tests.helpers.hub import HubProcess
from tests.helpers.minio import MinioHub, MinioProcess
from tests.helpers.push_client import PushClient, read_answer
from tests.helpers.records import History, commit_record, make_history, snapshot_record
from tests.helpers.upkeep import check, collect, found

CONTENTS = [b"content %d" % number for number in range(10)]
"""Few, so that what one push leaves behind as garbage is what the next brings again."""
PUSHERS = 3
PUSHES = 10
MOST_PUSHES = 200
"""Of each pusher, when a slow collector has taken nothing yet."""


@pytest.fixture(params=["embedded", "minio", "postgresql"])
def hub(request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    server: MinioProcess | None = request.getfixturevalue("minio") if request.param == "minio" else None
    database = request.getfixturevalue("postgresql").new_database() if request.param == "postgresql" else None
    with MinioHub(server.new_store()) if server else HubProcess(database=database) as process:
        yield process


@pytest.fixture
def slow_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where no hub runs: much happens between a look and the deletion that follows from it."""
    write, delete = Database.write, {store: store.delete for store in (FileStore, S3Store)}

    @asynccontextmanager
    async def write_later(self: Database, alone: bool = False) -> AsyncIterator[AsyncConnection]:
        await asyncio.sleep(0.4 if alone else 0.0)
        async with write(self, alone) as connection:
            yield connection

    monkeypatch.setattr(Database, "write", write_later)
    for store in (FileStore, S3Store):

        async def delete_later(self: Any, keys: Sequence[str], store: Any = store) -> None:
            await asyncio.sleep(0.1)
            await delete[store](self, keys)

        monkeypatch.setattr(store, "delete", delete_later)


@pytest.mark.slow
@pytest.mark.usefixtures("slow_collector")
def test_what_was_acknowledged_stays_while_all_else_goes(hub: HubProcess) -> None:
    ended = threading.Event()
    failures: list[str] = []
    collected = 0

    def keep_collecting() -> None:
        nonlocal collected
        while not ended.is_set():
            taken = collect(hub, 0.0)["taken"]
            collected += taken.get("objects", {"count": 0})["count"]

    def keep_pushing(number: int) -> None:
        try:
            _push_and_read(hub, number, lambda: collected > 0)
        except AssertionError as exc:
            failures.append(str(exc))

    collector = threading.Thread(target=keep_collecting)
    pushers = [threading.Thread(target=keep_pushing, args=(number,)) for number in range(PUSHERS)]
    for thread in (collector, *pushers):
        thread.start()
    for thread in pushers:
        thread.join()
    ended.set()
    collector.join()
    assert failures == []
    assert collected > 0, "nothing became garbage"
    assert found(check(hub)) == set()
    assert json.loads(hub.command("stats", "--json"))["repositories"] == PUSHERS


def _push_and_read(hub: HubProcess, number: int, enough: Callable[[], bool]) -> None:
    chance = random.Random(number)
    with PushClient(hub, f"song-{number}") as client:
        head: str | None = None
        for turn in range(MOST_PUSHES):
            if turn >= PUSHES and enough():
                break
            files = {f"f{at}": chance.choice(CONTENTS) for at in range(6)}
            what = chance.choice(["on top", "instead", "after deletion"]) if head else "first"
            if what == "after deletion":
                assert client.http.delete(client.url).status_code == 204
            history = _commit(files, [head] if what == "on top" and head else [], f"turn {turn} of {number}")
            status, answer = 503, None
            while status == 503:
                status, answer = client.push(history, force=True)
            assert status == 200, f"{what}: {answer}"
            head = history.head
            _read_whole(client, head)


def _commit(files: dict[str, bytes], parents: list[str], message: str) -> History:
    history = make_history(files)
    record = commit_record(snapshot_record(files)["snapshot_id"], parents, message)
    return History([record], history.snapshots, history.contents)


def _read_whole(client: PushClient, head: str) -> None:
    status, bundle = client.post("fetch", {"want": [head], "have": []})
    assert status == 200, bundle
    held = {item["object_id"][-64:] for item in bundle["objects"]}
    assert all(hash_object(item["content"]) == item["object_id"][-64:] for item in bundle["objects"])
    for snapshot in bundle["snapshots"]:
        assert {item[-64:] for item in snapshot["manifest"].values()} <= held
    assert head[-64:] in {commit["commit_id"][-64:] for commit in bundle["commits"]}
    for object_id in held:
        assert client.get(f"/o/{object_id}").status_code == 200, read_answer(client.get(f"/o/{object_id}"))
