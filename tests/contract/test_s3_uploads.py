"""Uploads that go straight to MinIO: what it refuses by itself, and what the hub finds when it does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from hubstub.arrivals.spool import Spool
from hubstub.push.sources import open_staged
from hubstub.store.keys import UploadSpec, bundle_key, staging_key
from hubstub.store.s3 import S3Store
from hubstub.store.s3_settings import S3Settings
from museui.core.ids import hash_object
from tests.helpers import plain_client
from tests.helpers.hub import HubProcess
from tests.helpers.minio import DOMAIN, MinioHub, MinioProcess, stored_entries
from tests.helpers.push_client import PushClient, error_code, wait_until
from tests.helpers.records import make_history, pack

HISTORY = make_history({"a": b"content", "b": bytes(100_000)})


@pytest.fixture(scope="module")
def place(minio: MinioProcess) -> S3Settings:
    return minio.new_store()


@pytest.fixture(scope="module")
def hub(place: S3Settings) -> Iterator[HubProcess]:
    with MinioHub(place) as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        yield made


def _wire(client: PushClient) -> bytes:
    """A bundle that no other test uploads."""
    return pack(HISTORY.bundle(meta={"format": 1, "tool": client.url}))


def _put(url: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    return httpx.put(url, content=body, headers=headers or {}, trust_env=False).status_code


async def test_the_bytes_go_to_the_store_and_never_through_the_hub(
    client: PushClient, minio: MinioProcess, place: S3Settings
) -> None:
    wire = _wire(client)
    before = minio.count_requests("PutObject")
    presigned = client.presign(wire, put_headers=True)[1]
    assert urlsplit(presigned["presigned_url"]).port == minio.port != client.hub.port
    assert place.staging.access_key in presigned["presigned_url"]
    assert place.credential.access_key not in presigned["presigned_url"]
    assert _put(presigned["presigned_url"], wire, presigned["headers"]) == 200
    assert minio.count_requests("PutObject") == before + 1
    assert client.presign(wire)[1]["already_present"] is True
    status, answer = client.confirm(wire, HISTORY.head)
    assert (status, answer["stored_objects"]) == (200, 2)
    client.wait_promoted()
    for content in (b"content", bytes(100_000)):
        assert client.read_object(hash_object(content)) == content
        asked = client.post("presign", {"object_ids": [hash_object(content)], "direction": "get"})[1]
        (url,) = asked["presigned"].values()
        assert urlsplit(url).port == minio.port
        assert httpx.get(url, trust_env=False).content == content
    keys = await stored_entries(place)
    assert wire not in keys.values(), "neither staged nor as a bundle"
    wait_until(lambda: "/push/bundle/confirm" in client.hub.log)
    assert "method=PUT" not in client.hub.log


@pytest.mark.parametrize(
    ("body", "pinned", "plain"), [("longer", 403, 403), ("shorter", 403, 403), ("other", 400, 200), ("", 403, 403)]
)
def test_the_store_refuses_what_the_url_does_not_allow(client: PushClient, body: str, pinned: int, plain: int) -> None:
    wire = _wire(client)
    sent = {"longer": wire + b"x", "shorter": wire[:-1], "other": b"x" * len(wire), "": b""}[body]
    answer = client.presign(wire, put_headers=True)[1]
    assert {name.lower() for name in answer["headers"]} == {"content-type", "x-amz-checksum-sha256", "if-none-match"}
    assert _put(answer["presigned_url"], sent, answer["headers"]) == pinned
    for name in answer["headers"]:
        left_out = {other: value for other, value in answer["headers"].items() if other != name}
        assert _put(answer["presigned_url"], wire, left_out) in (400, 403)
    assert client.confirm(wire, HISTORY.head)[0] == 404
    answer = client.presign(wire)[1]
    assert answer["headers"] == {}
    assert _put(answer["presigned_url"], sent) == plain
    if plain == 200:
        status, failure = client.confirm(wire, HISTORY.head)
        assert (status, error_code(failure), failure["error"]["details"]["rule"]) == (422, "integrity", "bundle_id")
        assert client.heads() == {}
    assert _put(answer["presigned_url"], wire) == 200
    assert client.confirm(wire, HISTORY.head)[0] == 200


def test_a_pinned_url_takes_its_bytes_once_and_a_body_without_length_never(client: PushClient) -> None:
    wire = _wire(client)
    answer = client.presign(wire, put_headers=True)[1]
    url, headers = answer["presigned_url"], answer["headers"]
    assert httpx.put(url, content=iter([wire]), headers=headers, trust_env=False).status_code == 411
    assert [_put(url, wire, headers) for _ in range(2)] == [200, 412]


def test_an_url_is_good_for_its_own_key_and_method_alone(client: PushClient) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    upload_id = urlsplit(url).path.rpartition("/")[2]
    for other in (url.replace(upload_id, "0" * 32), url.replace("/staging/", "/bundles/"), url[:-1] + "0" * 2):
        assert _put(other, wire) == 403
    assert httpx.get(url, trust_env=False).status_code == 403
    assert httpx.delete(url, trust_env=False).status_code == 403


def test_an_url_expires(minio: MinioProcess) -> None:
    with MinioHub(minio.new_store(), "--upload-ttl", "1") as hub, PushClient(hub) as client:
        wire = _wire(client)
        expired = client.presign(wire)[1]
        assert expired["expires_in"] == 1
        time.sleep(2)
        assert _put(expired["presigned_url"], wire) == 403
        fresh = client.presign(wire)[1]
        assert _put(fresh["presigned_url"], wire) == 200


async def test_what_is_sent_after_confirm_changes_nothing(client: PushClient, place: S3Settings) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    assert _put(url, wire) == 200
    answer = client.confirm(wire, HISTORY.head)
    client.wait_promoted()
    assert _put(url, b"x" * len(wire)) == 200, "the URL is still good; it leads nowhere"
    again = client.confirm(wire, HISTORY.head)
    assert (again[0], again[1]["push_id"]) == (200, answer[1]["push_id"])
    assert client.read_object(hash_object(b"content")) == b"content"
    assert b"x" * len(wire) not in [
        content for key, content in (await stored_entries(place)).items() if not key.startswith("staging/")
    ]


async def test_what_is_stored_is_what_was_read_whatever_is_sent_meanwhile(place: S3Settings, tmp_path: Path) -> None:
    store = S3Store(place, b"s" * 32)
    content = bytes(range(256)) * (20 << 10)
    spec = UploadSpec("overwritten", len(content), hash_object(content), int(time.time()) + 60)
    url = (await store.presign_put(spec, "")).url
    assert _put(url, content) == 200
    entry = await store.stat(staging_key("overwritten"))
    assert entry is not None
    with open_staged(store, Spool(tmp_path), entry, spec.sha256, None) as source:
        read = await asyncio.to_thread(lambda: b"".join(source.read()))
        assert read == content
        assert _put(url, b"x" * len(content)) == 200
        await source.keep("kept")
    assert await asyncio.to_thread(lambda: b"".join(store.read(bundle_key("kept")))) == content
    await store.delete([bundle_key("kept"), staging_key("overwritten")])


@pytest.mark.parametrize("virtual_host", [False, True])
async def test_urls_carry_the_public_address(minio: MinioProcess, place: S3Settings, virtual_host: bool) -> None:
    public = f"http://{DOMAIN}:{minio.port}"
    host = f"{place.bucket}.{DOMAIN}" if virtual_host else DOMAIN
    settings = S3Settings(
        place.bucket,
        place.prefix,
        place.endpoint,
        place.credential,
        place.staging,
        place.reading,
        public_endpoint=public,
        virtual_host=virtual_host,
    )
    store = S3Store(settings, b"s" * 32)
    spec = UploadSpec(f"public-{virtual_host}", 3, hash_object(b"abc"), int(time.time()) + 60, put_headers=True)
    target = await store.presign_put(spec, "http://hub.test")
    parts = urlsplit(target.url)
    assert (parts.hostname, parts.port) == (host, minio.port)
    assert parts.path == ("" if virtual_host else f"/{place.bucket}") + f"/{place.prefix}staging/{spec.upload_id}"
    sent_to = f"{minio.url}{parts.path}?{parts.query}"
    assert _put(sent_to, b"abc", {**target.headers, "Host": parts.netloc}) == 200
    assert (await stored_entries(place))[staging_key(spec.upload_id)] == b"abc"


def test_a_client_that_knows_only_the_protocol_pushes(hub: HubProcess) -> None:
    url = hub.repository("plain")
    files = {"song.txt": b"la\n", "takes/ü.bin": bytes(range(256)), "empty": b""}
    bundle, head = plain_client.make_bundle(files, "a song", "2026-01-01T00:00:00+00:00")
    answer = plain_client.push(url, hub.token, bundle, "main", head)
    assert answer.status_code == 200, answer.content
    for content in files.values():
        assert httpx.get(f"{hub.url}/o/{plain_client.sha(content)}", headers=hub.headers).content == content
