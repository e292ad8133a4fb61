"""What every object store must do. Each store there is runs through the same tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from hubstub.arrivals.spool import Spool
from hubstub.push.sources import open_staged
from hubstub.store.base import ObjectStore
from hubstub.store.files import FileStore
from hubstub.store.keys import BUNDLES, OBJECTS, STAGING, Entry, UploadSpec, bundle_key, object_key, staging_key
from hubstub.store.s3 import S3Store
from museui.core.errors import NotFound
from museui.core.ids import hash_object
from tests.helpers.minio import MinioProcess

Stage = Callable[[str, bytes], Awaitable[None]]


class _AtHand(Protocol):
    @property
    def store(self) -> ObjectStore: ...

    async def stage(self, upload_id: str, content: bytes) -> None: ...


class _Files:
    """The embedded store; a client's PUT reaches it through the hub, which calls ``accept``."""

    def __init__(self, folder: Path) -> None:
        self.store = FileStore(folder / "store", b"s" * 32)
        self._folder = folder

    async def stage(self, upload_id: str, content: bytes) -> None:
        path = self._folder / f"arrived-{upload_id}"
        path.write_bytes(content)
        await self.store.accept(upload_id, path)
        path.unlink()


class _S3:
    """A prefix on a real MinIO; a client's PUT goes straight there."""

    def __init__(self, server: MinioProcess) -> None:
        self.store = S3Store(server.new_store(), b"s" * 32)

    async def stage(self, upload_id: str, content: bytes) -> None:
        upload = UploadSpec(upload_id, len(content), hash_object(content), int(time.time()) + 60)
        target = await self.store.presign_put(upload, "http://hub.test")
        httpx.put(target.url, content=content, trust_env=False).raise_for_status()


@pytest.fixture(params=["files", "minio"])
def at_hand(request: pytest.FixtureRequest, tmp_path: Path) -> _AtHand:
    if request.param == "minio":
        return _S3(request.getfixturevalue("minio"))
    return _Files(tmp_path)


@pytest.fixture
def store(at_hand: _AtHand) -> ObjectStore:
    return at_hand.store


@pytest.fixture
def stage(at_hand: _AtHand) -> Stage:
    return at_hand.stage


async def _read(store: ObjectStore, key: str, offset: int = 0, size: int | None = None) -> bytes:
    return b"".join(await asyncio.to_thread(lambda: list(store.read(key, offset, size))))


async def _keys(store: ObjectStore, prefix: str) -> set[str]:
    return {entry.key async for entry in store.list(prefix)}


async def test_an_empty_store_is_ready_and_holds_nothing(store: ObjectStore) -> None:
    await store.check()
    for prefix in (STAGING, BUNDLES, OBJECTS):
        assert await _keys(store, prefix) == set()
    assert await store.stat(bundle_key("none")) is None
    with pytest.raises(NotFound):
        await _read(store, bundle_key("none"))


async def test_what_was_put_is_read_back_whole_and_in_part(store: ObjectStore) -> None:
    contents = [b"", b"x", bytes(range(256)) * 9000]
    items = [(object_key(hash_object(content)), content) for content in contents]
    await store.put(items)
    for key, content in items:
        assert await _read(store, key) == content
        entry = await store.stat(key)
        assert entry is not None
        assert (entry.key, entry.size_bytes) == (key, len(content))
        assert abs(entry.modified_at - time.time()) < 3600
    key, content = items[2]
    for offset, size in ((0, 0), (0, 1), (5, 10), (1 << 20, 3), (len(content) - 2, None), (len(content), None)):
        assert await _read(store, key, offset, size) == content[offset : None if size is None else offset + size]
    pieces = await asyncio.to_thread(lambda: list(store.read(key)))
    assert max(map(len, pieces)) <= 1 << 20


async def test_putting_again_changes_nothing(store: ObjectStore) -> None:
    item = (object_key(hash_object(b"again")), b"again")
    await store.put([item])
    await store.put([item, item])
    assert await _read(store, item[0]) == b"again"
    assert await _keys(store, OBJECTS) == {item[0]}


async def test_a_local_file_is_put(store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "local"
    path.write_bytes(b"local bytes")
    await store.put_file(bundle_key("b1"), path)
    path.unlink(missing_ok=True)
    assert await _read(store, bundle_key("b1")) == b"local bytes"


async def test_list_finds_everything_under_its_prefix_alone(store: ObjectStore, stage: Stage) -> None:
    ids = [hash_object(bytes([number])) for number in range(20)]
    await store.put([(object_key(item), b"o") for item in ids])
    await store.put([(bundle_key("b1"), b"b")])
    await stage("u1", b"s")
    assert await _keys(store, OBJECTS) == {object_key(item) for item in ids}
    assert await _keys(store, BUNDLES) == {bundle_key("b1")}
    assert await _keys(store, STAGING) == {staging_key("u1")}
    assert await _keys(store, object_key(ids[0])[: len(OBJECTS) + 3]) >= {object_key(ids[0])}
    assert await _keys(store, object_key(ids[0])) == {object_key(ids[0])}


async def test_list_finds_what_lies_between_two_keys(store: ObjectStore, stage: Stage) -> None:
    names = ["o-a-1", "o-b-0", "o-b-1", "o-b-2", "o-b-3", "o-c-1", "other"]
    for name in names:
        await stage(name, name.encode())

    async def between(first: str, last: str) -> set[str]:
        found = store.list(staging_key("o-b-"), staging_key(first), staging_key(last))
        return {entry.key.removeprefix(STAGING) async for entry in found}

    assert await between("o-b-0", "o-b-3") == {"o-b-0", "o-b-1", "o-b-2", "o-b-3"}
    assert await between("o-b-1", "o-b-2") == {"o-b-1", "o-b-2"}
    assert await between("o-b-1x", "o-b-2x") == {"o-b-2"}
    assert await between("o-a-0", "o-z") == {"o-b-0", "o-b-1", "o-b-2", "o-b-3"}
    assert await between("o-b-4", "o-b-9") == set()


async def test_delete_takes_what_is_there_and_does_not_mind_the_rest(store: ObjectStore) -> None:
    await store.put([(bundle_key("b1"), b"1"), (bundle_key("b2"), b"2")])
    await store.delete([bundle_key("b1"), bundle_key("none")])
    assert await _keys(store, BUNDLES) == {bundle_key("b2")}


async def test_a_reader_that_began_reads_to_the_end(store: ObjectStore) -> None:
    content = bytes(3 << 20)
    await store.put([(bundle_key("b1"), content)])
    pieces = store.read(bundle_key("b1"))
    first = await asyncio.to_thread(next, pieces)
    await store.delete([bundle_key("b1")])
    rest = await asyncio.to_thread(lambda: b"".join(pieces))
    assert first + rest == content


async def test_what_was_staged_is_kept_and_outlives_the_staging(
    store: ObjectStore, stage: Stage, tmp_path: Path
) -> None:
    await stage("u1", b"uploaded")
    entry = await store.stat(staging_key("u1"))
    assert entry is not None
    with open_staged(store, Spool(tmp_path / "spool"), entry, hash_object(b"uploaded"), None) as source:
        await source.flush()
        assert b"".join(await asyncio.to_thread(lambda: list(source.read()))) == b"uploaded"
        await source.keep("b1")
    await store.delete([entry.key])
    assert await _read(store, bundle_key("b1")) == b"uploaded"
    assert not list((tmp_path / "spool").glob("*"))


async def test_another_version_is_neither_read_nor_kept(store: ObjectStore, stage: Stage, tmp_path: Path) -> None:
    await stage("u1", b"first")
    entry = await store.stat(staging_key("u1"))
    assert entry is not None
    await store.delete([entry.key])
    await stage("u1", b"other!")
    with open_staged(store, Spool(tmp_path / "spool"), entry, hash_object(b"first"), None) as source:
        with pytest.raises(NotFound):
            await asyncio.to_thread(lambda: list(source.read()))
        with pytest.raises(NotFound):
            await source.keep("b1")
    assert await _keys(store, BUNDLES) == set()


async def test_what_is_not_staged_is_not_kept(store: ObjectStore, tmp_path: Path) -> None:
    entry = Entry(staging_key("none"), 4, '"1"', 0.0)
    with open_staged(store, Spool(tmp_path / "spool"), entry, hash_object(b"none"), None) as source:
        await source.flush()
        with pytest.raises(NotFound):
            await source.keep("b1")
    assert await _keys(store, BUNDLES) == set()


async def test_presigned_urls_name_the_key_and_carry_no_secret(store: ObjectStore) -> None:
    content = b"a bundle"
    upload = UploadSpec("u1", len(content), hash_object(content), int(time.time()) + 60, put_headers=True)
    target = await store.presign_put(upload, "http://hub.test")
    assert "staging/u1" in httpx.URL(target.url).path
    assert {name.lower() for name in target.headers} >= {"x-amz-checksum-sha256", "if-none-match", "content-type"}
    plain = UploadSpec("u1", len(content), hash_object(content), int(time.time()) + 60)
    assert (await store.presign_put(plain, "http://hub.test")).headers == {}
    url = await store.presign_get(hash_object(content), int(time.time()) + 60, "http://hub.test", "song ada")
    assert hash_object(content)[2:] in url
    for text in (url, target.url):
        assert "s" * 32 not in text and (b"s" * 32).hex() not in text
