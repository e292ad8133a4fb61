"""Small pushes that grow: zstd and msgpack bombs are refused while the hub holds no more than it has to."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.attacks import (
    BASE,
    BLOCK_BYTES,
    attacked_hub,
    bomb_frame,
    bounded_memory,
    check_refused,
    make_frame,
    next_history,
    send,
    stream_body,
)
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient, compress, read_answer
from tests.helpers.records import digest, pack

MiB = 1 << 20
BOMB_BYTES = 256 * MiB
STREAMED_GROWTH_BYTES = 32 * MiB
"""What the hub may need for an object of any length."""
VALUE_GROWTH_BYTES = 176 * MiB
"""What it may need for one value, of which 64 MiB are allowed: far less than the bomb."""
LENGTH = struct.pack(">I", BOMB_BYTES)
ATTACK = next_history()
BUNDLE = ATTACK.bundle()
ENTRY = b"\x81" + pack("objects") + b"\x91\x82" + pack("object_id") + pack(digest(b"never")) + pack("content")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[PushClient]:
    with PushClient(hub) as made:
        yield made


ZSTD_BOMBS = {
    "nothing but zeros": (b"", b"\0", STREAMED_GROWTH_BYTES, "invalid"),
    "an object": (ENTRY + b"\xc6" + LENGTH, b"\0", STREAMED_GROWTH_BYTES, "integrity"),
    "after a whole bundle": (pack(BUNDLE), b"\0", STREAMED_GROWTH_BYTES, "invalid"),
    "text in a commit": (b"\x81" + pack("commits") + b"\x91\xdb" + LENGTH, b"a", VALUE_GROWTH_BYTES, "too_large"),
    "text in a snapshot": (b"\x81" + pack("snapshots") + b"\x91\xdb" + LENGTH, b"a", VALUE_GROWTH_BYTES, "too_large"),
    "text as meta": (b"\x81" + pack("meta") + b"\xdb" + LENGTH, b"a", VALUE_GROWTH_BYTES, "too_large"),
    "text as a key": (b"\x81\xdb" + LENGTH, b"a", VALUE_GROWTH_BYTES, "too_large"),
    "bytes nobody knows": (b"\x81" + pack("x") + b"\xc6" + LENGTH, b"\0", VALUE_GROWTH_BYTES, "too_large"),
    "empty maps in meta": (b"\x81" + pack("meta") + b"\xdd" + LENGTH, b"\x80", STREAMED_GROWTH_BYTES, "invalid"),
    "lists in lists": (b"\x81" + pack("meta"), b"\x91", STREAMED_GROWTH_BYTES, "invalid"),
    "lists in lists, skipped": (b"\x81" + pack("x"), b"\x91", STREAMED_GROWTH_BYTES, "invalid"),
}


@pytest.mark.parametrize("name", ZSTD_BOMBS)
def test_8_kilobytes_that_become_256_megabytes(hub: HubProcess, client: PushClient, name: str) -> None:
    prefix, byte, growth_bytes, code = ZSTD_BOMBS[name]
    wire = (make_frame([(0, prefix)]) if prefix else b"") + bomb_frame(BOMB_BYTES, byte=byte)
    assert len(wire) < 9500
    with unchanged(hub), bounded_memory(hub, growth_bytes):
        check_refused(send(client, "bundle", wire, ATTACK.head), code)


@pytest.mark.parametrize(("way", "declare"), [("bundle", True), ("unpack", False)])
def test_a_bomb_in_several_frames(hub: HubProcess, client: PushClient, way: str, declare: bool) -> None:
    frames = bomb_frame(BOMB_BYTES // 8, declare) * 8
    wire = compress(ENTRY + b"\xc6" + LENGTH) + frames
    assert BOMB_BYTES // len(frames) > 32_000
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        check_refused(send(client, way, wire, ATTACK.head), "integrity")


def test_a_small_value_that_is_large_in_memory(hub: HubProcess, client: PushClient) -> None:
    many = b"\xdd" + struct.pack(">I", MiB)
    wire = compress(b"\x81" + pack("meta") + b"\x81\xa1a\x93" + many)
    wire += (bomb_frame(MiB, byte=b"\x80") + compress(many)) * 3
    with unchanged(hub), bounded_memory(hub, VALUE_GROWTH_BYTES):
        check_refused(send(client, "bundle", wire, ATTACK.head), "too_large")


@pytest.mark.parametrize("declared_bytes", [1, 1024, BOMB_BYTES - 1, BOMB_BYTES + 1])
def test_a_bomb_that_declares_another_size(hub: HubProcess, client: PushClient, declared_bytes: int) -> None:
    bomb = make_frame([(1, b"\0")] * (BOMB_BYTES // BLOCK_BYTES), declared_bytes)
    wire = make_frame([(0, ENTRY + b"\xc6" + LENGTH)]) + bomb
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        check_refused(send(client, "bundle", wire, ATTACK.head), "integrity")


@pytest.mark.parametrize("declared_bytes", [1 << 33, 1 << 62, (1 << 64) - 3])
def test_a_size_that_nobody_could_hold_is_not_believed(
    hub: HubProcess, client: PushClient, declared_bytes: int
) -> None:
    raw = pack(BUNDLE)
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        for way in ("bundle", "unpack"):
            wire = make_frame([(0, raw)], declared_bytes)
            check_refused(send(client, way, wire, ATTACK.head), "integrity", "invalid")


@pytest.mark.parametrize("window_log", [24, 27, 31])
def test_a_window_over_8_mebibytes_is_refused(hub: HubProcess, client: PushClient, window_log: int) -> None:
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        for way in ("bundle", "unpack"):
            wire = make_frame([(0, pack(BUNDLE))], window_log=window_log)
            check_refused(send(client, way, wire, ATTACK.head), "invalid")


def test_a_stream_may_not_grow_beyond_its_limit(hub: HubProcess, client: PushClient) -> None:
    head = b"\x92" + pack("H") + pack({"branch": "attack", "head": ATTACK.head})
    entry = head + b"\x92" + pack("O") + b"\x92" + pack(digest(b"never")) + b"\xc6" + LENGTH
    for prefix, growth_bytes in ((b"", VALUE_GROWTH_BYTES), (entry, STREAMED_GROWTH_BYTES)):
        wire = compress(prefix or b"\x92\xdb" + LENGTH) + bomb_frame(BOMB_BYTES, byte=b"a")
        with unchanged(hub), bounded_memory(hub, growth_bytes):
            check_refused(client.post_bytes("push/stream", wire), "too_large")


def test_a_message_may_not_be_a_bomb(hub: HubProcess, client: PushClient) -> None:
    """Messages are never decompressed, whatever they say they are."""
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        for path in ("push/bundle/presign", "push/bundle/confirm", "negotiate", "fetch"):
            for coding in ("zstd", "gzip", "deflate"):
                response = client.http.post(
                    f"{client.url}/{path}", content=bomb_frame(BOMB_BYTES), headers={"Content-Encoding": coding}
                )
                check_refused(read_answer(response), "invalid")


@pytest.mark.parametrize("compressed", [True, False])
def test_what_presign_was_told_it_expands_to_is_the_limit(
    hub: HubProcess, client: PushClient, compressed: bool
) -> None:
    raw = pack(BUNDLE)
    wire = compress(raw) if compressed else raw
    with unchanged(hub):
        for raw_bytes in (len(raw) - 1, 1, 0):
            upload = client.upload(wire, raw_bytes=raw_bytes)
            error = check_refused(
                client.confirm(wire, ATTACK.head, "attack", upload_id=upload["upload_id"]), "too_large"
            )
            assert error["details"]["max_raw_bytes"] == raw_bytes
    with PushClient(hub, f"exact-{compressed}") as other:
        whole = pack(BASE.bundle())
        other.upload(compress(whole), raw_bytes=len(whole))
        assert other.confirm(compress(whole), BASE.head)[0] == 200


def test_what_presign_was_told_stops_a_bomb(hub: HubProcess, client: PushClient) -> None:
    wire = make_frame([(0, ENTRY + b"\xc6" + LENGTH)]) + bomb_frame(BOMB_BYTES)
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        client.upload(wire, raw_bytes=MiB)
        check_refused(client.confirm(wire, ATTACK.head, "attack"), "too_large")


DEEP = 100_000
MAP_HEADS = (b"\xdf" + b"\xff" * 4, b"\xde\xff\xff")
MSGPACK_BOMBS = {
    **{f"{name}, four billion": (b"\x81" + pack(name) + b"\xdd" + b"\xff" * 4, "too_large")
       for name in ("commits", "snapshots", "objects")},
    **{f"{name}, more than come": (b"\x81" + pack(name) + b"\xdd\x00\x0f\x42\x40", "invalid")
       for name in ("commits", "snapshots", "objects")},
    "the bundle, four billion fields": (b"\xdf" + b"\xff" * 4, "too_large"),
    "the bundle, 65,535 fields": (b"\xde\xff\xff", "too_large"),
    "an object, four billion fields": (b"\x81" + pack("objects") + b"\x91\xdf" + b"\xff" * 4, "too_large"),
    "an object of 4 GiB": (ENTRY + b"\xc6" + b"\xff" * 4, "too_large"),
    "an object of 2 GiB, of which 3 bytes come": (ENTRY + b"\xc6\x80\x00\x00\x00abc", "invalid"),
    **{f"{name}, of four billion {what}": (b"\x81" + pack(name) + b"\x91" + head + b"\xff" * 4, "too_large", "invalid")
       for name in ("commits", "snapshots")
       for what, head in {"fields": b"\xdf", "entries": b"\xdd", "characters": b"\xdb", "bytes": b"\xc6"}.items()},
    **{f"{name} of four billion {what}": (b"\x81" + pack(name) + head + b"\xff" * 4, "too_large", "invalid")
       for name in ("meta", "branch_heads", "summary", "unknown")
       for what, head in {"fields": b"\xdf", "entries": b"\xdd", "characters": b"\xdb", "bytes": b"\xc6"}.items()},
    **{f"{name}, {DEEP} lists deep": (b"\x81" + pack(name) + b"\x91" * DEEP + b"\xc0", "invalid")
       for name in ("meta", "branch_heads", "commits", "snapshots", "objects", "summary", "unknown")},
    **{f"{name}, {DEEP} maps deep": (b"\x81" + pack(name) + b"\x81\xa1a" * DEEP + b"\xc0", "invalid")
       for name in ("meta", "branch_heads", "commits", "snapshots", "objects", "summary", "unknown")},
    f"{DEEP} lists deep": (b"\x91" * DEEP + b"\xc0", "invalid"),
    f"{DEEP} maps deep": (b"\x81\xa1a" * DEEP + b"\xc0", "invalid"),
    f"{DEEP} maps deep, as keys": (b"\x81" * DEEP + b"\xc0" * (DEEP + 1), "invalid"),
    f"an object's path, {DEEP} deep": (ENTRY[:-8].replace(b"\x82", b"\x83") + pack("path") + b"\x91" * DEEP, "invalid"),
    "an extension of 4 GiB": (b"\x81" + pack("meta") + b"\xc9" + b"\xff" * 4 + b"\x05", "too_large", "invalid"),
}  # fmt: skip


@pytest.mark.parametrize("name", MSGPACK_BOMBS)
def test_msgpack_bombs(hub: HubProcess, client: PushClient, name: str) -> None:
    raw, *codes = MSGPACK_BOMBS[name]
    assert isinstance(raw, bytes)
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        check_refused(send(client, "bundle", compress(raw), ATTACK.head), *map(str, codes))
        check_refused(send(client, "unpack", raw, ATTACK.head), *map(str, codes))


def test_a_record_may_be_nested_32_levels_deep_and_no_more(hub: HubProcess, client: PushClient) -> None:
    value: object = None
    for _ in range(40):
        value = [value]
    commit = {**ATTACK.commits[0], "structured_delta": value}
    bundles = [
        ATTACK.bundle(commits=[commit]),
        ATTACK.bundle(snapshots=[{**ATTACK.snapshots[0], "extra": value}]),
        ATTACK.bundle(meta={"extra": value}),
    ]
    with unchanged(hub):
        for bundle in bundles:
            for way in ("bundle", "unpack"):
                check_refused(send(client, way, bundle, ATTACK.head), "invalid")
        for bundle in bundles[:2]:
            check_refused(send(client, "stream", bundle, ATTACK.head), "invalid")


STREAM_BOMBS = {
    "a frame of four billion": (b"\xdd" + b"\xff" * 4, "invalid"),
    "a kind of 4 GiB": (b"\x92\xdb" + b"\xff" * 4, "too_large", "invalid"),
    "a deep H frame": (b"\x92" + pack("H") + b"\x91" * DEEP + b"\xc0", "invalid"),
    "a deep frame": (b"\x92" * DEEP, "invalid"),
    "an object of 4 GiB": (
        stream_body({}, branch="attack", head=ATTACK.head)[:-4]
        + b"\x92" + pack("O") + b"\x92" + pack(digest(b"x")) + b"\xc6" + b"\xff" * 4,
        "too_large",
    ),
    "a deep snapshot": (
        stream_body({}, branch="attack", head=ATTACK.head)[:-4] + b"\x92" + pack("S") + b"\x81\xa1a" * DEEP, "invalid",
    ),
    "a deep end": (stream_body({}, branch="attack", head=ATTACK.head)[:-1] + b"\x91" * DEEP + b"\xc0", "invalid"),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAM_BOMBS)
def test_msgpack_bombs_in_a_stream(hub: HubProcess, client: PushClient, name: str) -> None:
    raw, *codes = STREAM_BOMBS[name]
    assert isinstance(raw, bytes)
    with unchanged(hub), bounded_memory(hub, STREAMED_GROWTH_BYTES):
        for wire in (raw, compress(raw)):
            check_refused(client.post_bytes("push/stream", wire), *map(str, codes))


def test_four_bombs_at_once_hold_no_more_than_four_values(hub: HubProcess) -> None:
    wire = make_frame([(0, ENTRY + b"\xc6" + LENGTH)]) + bomb_frame(BOMB_BYTES)

    def attack(number: int) -> None:
        with PushClient(hub) as client:
            check_refused(send(client, "unpack", wire, ATTACK.head), "integrity")

    with unchanged(hub), bounded_memory(hub, 4 * STREAMED_GROWTH_BYTES), ThreadPoolExecutor(4) as threads:
        list(threads.map(attack, range(4)))
