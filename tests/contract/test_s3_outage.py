"""A store that is down, slow to come, or set up wrong: said at once, nothing half done, and all is well afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from hubstub.store.s3 import S3Store
from hubstub.store.s3_probe import probe_store
from hubstub.store.s3_settings import Credential, S3Settings
from museui.core.errors import Unavailable, Usage
from museui.core.ids import hash_object
from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.minio import HOW, MinioHub, MinioProcess, stored_entries
from tests.helpers.push_client import PushClient, compress, error_code
from tests.helpers.records import make_history, pack
from tests.helpers.upkeep import take_leftovers

pytestmark = pytest.mark.services

HISTORY = make_history({"a": b"content", "b": bytes(100_000)})
WIRE = compress(pack(HISTORY.bundle()))


@pytest.fixture
def server() -> Iterator[MinioProcess]:
    """A MinIO that may be stopped."""
    if shutil.which("minio") is None:
        pytest.skip(HOW)
    with MinioProcess() as process:
        yield process


async def test_a_store_that_stops_is_unavailable_and_what_was_begun_goes_on_when_it_is_back(
    server: MinioProcess,
) -> None:
    place = server.new_store()
    with MinioHub(place) as hub, PushClient(hub) as client:
        upload = client.upload(WIRE)
        server.stop()
        for _ in range(2):
            status, answer = client.confirm(WIRE, HISTORY.head, upload_id=upload["upload_id"])
            assert (status, error_code(answer)) == (503, "unavailable")
            assert str(server.port) not in str(answer), "where the store is, is nobody's business"
        ready = client.get("/readyz")
        assert (ready.status_code, ready.headers["Retry-After"] != "") == (503, True)
        assert client.get("/healthz").status_code == 200
        assert client.heads() == {}
        server.start()
        assert client.get("/readyz").status_code == 200
        status, answer = client.confirm(WIRE, HISTORY.head, upload_id=upload["upload_id"])
        assert (status, answer["stored_objects"]) == (200, 2), answer
        client.wait_promoted()
        assert client.read_object(hash_object(b"content")) == b"content"
    keys = await stored_entries(place)
    assert len(keys) == 2 and all(key.startswith("objects/") for key in keys)


def test_promotion_waits_for_the_store(server: MinioProcess) -> None:
    with MinioHub(server.new_store()) as hub, PushClient(hub) as client:
        assert client.push(HISTORY, wire=WIRE)[0] == 200
        server.stop()
        hub.wait_for_log("job bundle.index")
        assert client.get(f"/o/{hash_object(b'content')}").status_code == 503
        server.start()
        client.wait_promoted()
        assert client.read_object(hash_object(b"content")) == b"content"


@pytest.mark.parametrize("place", ["confirm.stored", "promote.moved"])
async def test_a_hub_that_is_killed_in_the_middle_leaves_nothing_but_objects_in_the_store(
    minio: MinioProcess, place: str
) -> None:
    settings = minio.new_store()
    dying = MinioHub(settings)
    dying.failpoint = place
    with dying as hub, PushClient(hub) as client:
        upload = client.upload(WIRE, put_headers=True)
        with contextlib.suppress(httpx.TransportError):
            client.confirm(WIRE, HISTORY.head, upload_id=upload["upload_id"])
        hub.wait_killed()
        hub.restart()
        assert client.confirm(WIRE, HISTORY.head, upload_id=upload["upload_id"])[0] == 200
        client.wait_promoted()
        assert client.read_object(hash_object(b"content")) == b"content"
        await asyncio.to_thread(take_leftovers, hub)
    assert {key.partition("/")[0] for key in await stored_entries(settings)} == {"objects"}


def test_a_hub_whose_store_is_down_says_so_and_does_not_start(server: MinioProcess) -> None:
    place = server.new_store()
    server.stop()
    hub = MinioHub(place)
    try:
        with pytest.raises(AssertionError, match='"unavailable"'):
            hub.start()
        server.start()
        hub.start()
    finally:
        hub.close()


async def test_the_probe_finds_what_the_store_enforces_and_leaves_nothing(minio: MinioProcess) -> None:
    place = minio.new_store()
    findings = await probe_store(S3Store(place, b"s" * 32))
    assert (findings.length, findings.digest, findings.once, findings.elsewhere) == (True, True, True, True)
    generous = await probe_store(S3Store(replace(place, staging=place.credential), b"s" * 32))
    assert (generous.length, generous.elsewhere) == (True, False)
    assert await stored_entries(place) == {}


WRONG = Credential("nobody-knows-me", "x" * 40)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda place: replace(place, staging=WRONG),
        lambda place: replace(place, staging=place.reading),
        lambda place: replace(place, staging=Credential(place.staging.access_key, "x" * 40)),
        lambda place: replace(place, bucket="another-bucket"),
    ],
)
async def test_a_staging_key_that_does_not_work_is_found_at_the_start(
    minio: MinioProcess, spoil: Callable[[S3Settings], S3Settings]
) -> None:
    with pytest.raises((Usage, Unavailable)) as raised:
        await probe_store(S3Store(spoil(minio.new_store()), b"s" * 32))
    assert raised.value.hint


@pytest.mark.parametrize("key", [WRONG, None])
async def test_a_key_of_the_hub_that_does_not_work_is_found_at_the_start(
    minio: MinioProcess, key: Credential | None
) -> None:
    place = minio.new_store()
    with pytest.raises(Unavailable, match="refuses the hub's key"):
        await probe_store(S3Store(replace(place, credential=key or place.staging), b"s" * 32))


def test_a_hub_stays_with_its_store(minio: MinioProcess) -> None:
    with MinioHub(minio.new_store()) as hub:
        hub.stop()
        with pytest.raises(AssertionError, match="keeps its objects in s3://"):
            HubProcess(data_dir=hub.data_dir).start()


def test_options_that_cannot_be_are_refused(tmp_path: os.PathLike[str]) -> None:
    for options, word in (
        (["--store", "http://x"], "not a store"),
        (["--store", "s3://b/../x"], "not a store"),
        (["--store", "s3://bucket"], "--s3-endpoint"),
        (["--s3-endpoint", "http://127.0.0.1:9"], "--store"),
        (["--store", "s3://bucket", "--s3-endpoint", "127.0.0.1:9"], "not the address"),
        (["--store", "s3://bucket", "--s3-endpoint", "http://127.0.0.1:9"], "MUSEUI_S3_ACCESS_KEY"),
        (["--minio", "--store", "s3://bucket"], "--minio"),
        (["--minio", "--host", "0.0.0.0"], "--s3-public-endpoint"),
    ):
        done = hub_command("serve", "--data", str(tmp_path), "--port", "0", *options, expect=2)
        assert word in done.stderr, done.stderr
