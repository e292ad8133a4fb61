"""A quota bounds the disk: every way past it is tried, and the hub's folder is measured."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest

from tests.helpers.clock import MachineClock
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient, compress, error_code, wait_until
from tests.helpers.records import History, commit_record, digest, make_history, pack

MIB = 1 << 20
SMALL = make_history({"verse": b"la"})
MOST = 3 * MIB
"""What the folder may grow by: the quota, what is on its way, and what a database needs to write things down."""


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> MachineClock:
    return MachineClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def hub(clock: MachineClock) -> Iterator[HubProcess]:
    with HubProcess("--user-quota", "1M", environment=clock.variables) as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A user with a repository for each test."""
    name = "".join(char for char in request.node.name if char.isalnum())[-60:]
    hub.command_here("user", "create", name)
    token = hub.command_here("token", "create", name)
    with PushClient(hub, "song", owner=name, token=token) as made:
        assert made.push(SMALL)[0] == 200
        made.wait_promoted()
        yield made


def _size(root: Path) -> int:
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                total += Path(folder, name).stat().st_size
            except FileNotFoundError:
                continue
    return total


@pytest.fixture(autouse=True)
def bounded(hub: HubProcess, client: PushClient) -> Iterator[None]:
    """The folder grows by no more than may be, at any time that a test looks and at its end."""
    before = _size(hub.data_dir)
    yield
    assert _size(hub.data_dir) - before < MOST


def _sized(size: int, salt: int = 0) -> History:
    return make_history({"take.wav": bytes([salt]) + os.urandom(size - 1)})


def test_objects_without_sizes_are_sent_in_another_way_which_is_bounded(client: PushClient) -> None:
    for way, message in (("push/presign", {}), ("presign", {"direction": "put"})):
        ids = [digest(os.urandom(8)) for _ in range(50)]
        status, answer = client.post(way, {"object_ids": ids, **message})
        assert (status, answer["presigned"], answer["inline"]) == (200, {}, ids)
    statuses = []
    for _ in range(5):
        content = os.urandom(400_000)
        objects = [{"object_id": digest(content), "content": content}]
        statuses.append(client.post("push/objects", {"objects": objects})[0])
    assert statuses == [200, 200, 507, 507, 507]


def test_objects_that_may_arrive_are_counted_once_each_and_in_repositories_that_are_not_there_yet(
    hub: HubProcess, client: PushClient
) -> None:
    owner, token = client.url.split("/")[-2], client.http.headers["Authorization"].removeprefix("Bearer ")
    contents = {digest(content): content for content in (os.urandom(400_000) for _ in range(2))}
    sizes = [len(content) for content in contents.values()]
    for _ in range(3):
        assert client.put_objects(contents, sizes=sizes)[0] == 200
    for slug in ("never", "song"):
        with PushClient(hub, slug, owner=owner, token=token) as other:
            status, answer = other.presign_objects([digest(b"more")], sizes=[400_000])
            assert (status, error_code(answer)) == (507, "quota")


def test_what_was_abandoned_is_dropped_for_what_comes(hub: HubProcess, client: PushClient, clock: MachineClock) -> None:
    for number in range(1, 4):
        wire = os.urandom(900_000)
        upload = client.upload(wire, objects=0)
        assert client.presign(os.urandom(900_000))[0] == 507, "it waits to be confirmed"
        clock.move(number * 2000.0)
        content = os.urandom(900_000)
        assert client.put_objects({digest(content): content}, sizes=[len(content)])[0] == 200
        status, answer = client.confirm(wire, SMALL.head, upload_id=upload["upload_id"])
        assert (status, error_code(answer)) == (404, "not_found")
        assert client.presign(os.urandom(900_000))[0] == 507, "it waits for its push"
        clock.move(number * 2000.0 + 1000.0)
        assert client.presign(os.urandom(10_000))[0] == 200
        assert _size(hub.data_dir / "store" / "staging") < MIB


def test_a_bundle_without_objects_is_counted(client: PushClient) -> None:
    for fields in ({"objects": 0}, {"objects": 0, "raw_bytes": 1}, {"raw_bytes": 1}):
        status, answer = client.presign(b"x", size_bytes=20 * MIB, **fields)
        assert (status, error_code(answer)) == (507, "quota")


def test_records_count(client: PushClient) -> None:
    head, pushed = SMALL.head, 0
    for number in range(9):
        note = os.urandom(150_000).hex()
        commit = commit_record(SMALL.snapshots[0]["snapshot_id"], [head], f"note {number}", metadata={"note": note})
        more = History([commit], [], {})
        wire = compress(pack(more.bundle()))
        status, answer = client.presign(wire, objects=0)
        if status == 200:
            client.upload(wire, objects=0)
            status, answer = client.confirm(wire, more.head)
        if status != 200:
            assert (status, error_code(answer)) == (507, "quota")
            break
        head, pushed = more.head, pushed + 1
    assert 5 <= pushed <= 6
    storage = client.http.get(f"{client.hub.url}/user/storage").content
    assert pushed * 150_000 < msgpack.unpackb(storage)["used_bytes"] <= MIB


def test_records_of_tags_and_releases_count(client: PushClient) -> None:
    statuses = set()
    for number in range(8):
        tag = {"tag_id": f"t{number}", "repo_id": "song", "commit_id": SMALL.head, "tag": f"v{number}"}
        tag |= {"created_at": "2026-01-01T00:00:00+00:00", "note": "x" * 200_000}
        statuses.add(client.post("tags", {"tags": [tag]})[0])
        statuses.add(client.post("releases", {"tag": f"v{number}", "body": "x" * 200_000})[0])
    assert statuses == {200, 507}


@pytest.mark.parametrize("way", ["unpack", "stream", "push", "push/objects", "confirm"])
def test_many_bodies_at_once_are_bounded_while_they_arrive(hub: HubProcess, client: PushClient, way: str) -> None:
    history = _sized(700_000)
    contents = [{"object_id": item, "content": content} for item, content in history.contents.items()]
    wire = pack(history.bundle())
    path, body = {
        "unpack": (f"push/unpack?branch=main&head={history.head}", wire),
        "stream": ("push/stream", pack(["H", {"branch": "b", "head": history.head, "force": False}]) + wire),
        "push": ("push", pack({"bundle": history.bundle(), "branch": "b", "force": False})),
        "push/objects": ("push/objects", pack({"objects": contents})),
        "confirm": ("push/confirm", pack({"commits": [], "pad": os.urandom(700_000)})),
    }[way]
    half_sent, statuses = threading.Barrier(9), []

    def send(declared: bool) -> None:
        def pieces() -> Iterator[bytes]:
            yield body[:650_000]
            half_sent.wait(60)
            yield body[650_000:]

        headers = {"Content-Length": str(len(body))} if declared else {}
        with httpx.Client(headers=client.http.headers, timeout=60, trust_env=False) as http:
            try:
                statuses.append(http.post(f"{client.url}/{path}", content=pieces(), headers=headers).status_code)
            except httpx.TransportError:
                statuses.append(0)

    threads = [threading.Thread(target=send, args=(bool(number % 2),)) for number in range(8)]
    for thread in threads:
        thread.start()
    half_sent.wait(60)
    most = 0
    while any(thread.is_alive() for thread in threads):
        most = max(most, _size_of(hub.data_dir / "spool"))
    for thread in threads:
        thread.join()
    wait_until(lambda: not any((hub.data_dir / "spool").iterdir()))
    assert 507 in statuses and most <= 2 * MIB, (statuses, most)


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def test_one_upload_sent_many_times_at_once_does_not_fill_the_spool(hub: HubProcess, client: PushClient) -> None:
    wire = os.urandom(900_000)
    _, answer = client.presign(wire)
    refused: list[Any] = []
    goes_on, began = threading.Event(), threading.Semaphore(0)

    def send() -> None:
        def pieces() -> Iterator[bytes]:
            yield wire[:800_000]
            began.release()
            goes_on.wait(60)
            yield wire[800_000:]

        sent = httpx.put(
            answer["presigned_url"],
            content=pieces(),
            headers={"Content-Length": str(len(wire))},
            timeout=60,
            trust_env=False,
        )
        refused.append(sent.status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    before = _size(hub.data_dir)
    for thread in threads:
        thread.start()
    for _ in threads:
        began.acquire(timeout=60)
    assert _size(hub.data_dir) - before < MOST + MIB
    goes_on.set()
    for thread in threads:
        thread.join()
    assert refused.count(503) >= 5 and 200 in refused, refused
