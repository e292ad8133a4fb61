"""Bundles that were cut, changed or put together wrongly: refused, or, where no id covers a byte, no harm."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any

import pytest

from museui.core.frames import iter_raw
from tests.helpers import bundles
from tests.helpers.attacks import (
    BASE,
    MAGIC,
    attacked_hub,
    check_refused,
    make_frame,
    next_history,
    send,
    stream_body,
)
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents
from tests.helpers.push_client import PushClient, compress
from tests.helpers.records import make_history, pack

ATTACK = next_history(files={"a.txt": b"some text, some text, some text", "b.bin": bytes(range(64)), "empty": b""})
RAW = pack(ATTACK.bundle())
CUTS = [0, 1, 7, len(RAW) // 3, len(RAW) // 3, 2 * len(RAW) // 3, len(RAW) - 1, len(RAW)]
FRAMES = [compress(RAW[start:stop]) for start, stop in pairwise(CUTS)]
ENDS = [sum(map(len, FRAMES[:count])) for count in range(1, len(FRAMES) + 1)]
SMALL = make_history({"a": b"1", "b/c": b"22"}, {"a": b"333"})
COVERED: dict[str, Any] = {
    "commits": [{name: value for name, value in record.items() if name != "metadata"} for record in SMALL.commits],
    "snapshots": [{name: record[name] for name in ("snapshot_id", "manifest")} for record in SMALL.snapshots],
    "objects": SMALL.bundle()["objects"],
}
"""A bundle in which ids cover nearly every byte."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[PushClient]:
    with PushClient(hub) as made:
        yield made


@pytest.mark.parametrize("frame", range(len(FRAMES)))
def test_truncated_at_every_frame_and_around_it(hub: HubProcess, client: PushClient, frame: int) -> None:
    wire = b"".join(FRAMES)
    with unchanged(hub):
        for size in {ENDS[frame] + shift for shift in (-1, 0, 1, 3, 5)} & set(range(1, len(wire))):
            for way in ("bundle", "unpack"):
                check_refused(send(client, way, wire[:size], ATTACK.head), "integrity", "invalid")


def test_truncated_anywhere_when_it_is_not_compressed(hub: HubProcess, client: PushClient) -> None:
    with unchanged(hub):
        for size in (1, 2, 6, *range(11, len(RAW), 37), len(RAW) - 1):
            check_refused(send(client, "unpack", RAW[:size], ATTACK.head), "integrity", "invalid")
        check_refused(client.post_bytes(f"push/unpack?branch=attack&head={ATTACK.head}", b""), "invalid")


def test_a_stream_truncated_anywhere(hub: HubProcess, client: PushClient) -> None:
    body = stream_body(ATTACK.bundle(), branch="attack", head=ATTACK.head)
    with unchanged(hub):
        for size in (0, 1, 2, *range(11, len(body), 37), len(body) - 4, len(body) - 1):
            check_refused(client.post_bytes("push/stream", body[:size]), "invalid")
            check_refused(client.post_bytes("push/stream", compress(body[:size])), "invalid")


def test_frames_that_are_missing_doubled_or_out_of_order(hub: HubProcess, client: PushClient) -> None:
    arranged = [FRAMES[:number] + FRAMES[number + 1 :] for number in range(len(FRAMES))]
    arranged += [FRAMES[:number] + FRAMES[number - 1 :] for number in range(1, len(FRAMES))]
    arranged += [FRAMES[::-1], FRAMES * 2]
    whole = b"".join(FRAMES)
    with unchanged(hub):
        for frames in arranged:
            wire = b"".join(frames)
            if b"".join(iter_raw([wire], 1 << 30)) != RAW:
                check_refused(send(client, "bundle", wire, ATTACK.head), "invalid", "integrity", "too_large")
        for after in (b"\0", MAGIC, whole, RAW, b"\xc0", compress(b"\xc0"), whole[:20]):
            check_refused(send(client, "unpack", whole + after, ATTACK.head), "invalid", "integrity")
            check_refused(send(client, "unpack", RAW + after, ATTACK.head), "invalid", "integrity")


DAMAGED_FRAMES = {
    "a frame that declares one byte less": make_frame([(0, RAW)], len(RAW) - 1),
    "a frame that declares one byte more": make_frame([(0, RAW)], len(RAW) + 1),
    "a frame that declares nothing in it": make_frame([(0, RAW)], 0),
    "a frame that declares 4 MiB": make_frame([(0, RAW)], 4 << 20),
    "a frame without its last block": make_frame([(0, RAW), (0, b"")])[:-3],
    "a block of the reserved type": MAGIC + b"\x00\x38" + (len(RAW) << 3 | 3 << 1 | 1).to_bytes(3, "little") + RAW,
    "a block over 128 KiB": make_frame([(0, RAW + bytes(128 << 10))]),
    "a reserved bit": MAGIC + b"\x08\x38" + (len(RAW) << 3 | 1).to_bytes(3, "little") + RAW,
    "a dictionary nobody has": MAGIC + b"\x01\x38\x07" + (len(RAW) << 3 | 1).to_bytes(3, "little") + RAW,
    "a checksum that is wrong": MAGIC + b"\x04\x38" + (len(RAW) << 3 | 1).to_bytes(3, "little") + RAW + b"abcd",
    "a checksum that is missing": MAGIC + b"\x04\x38" + (len(RAW) << 3 | 1).to_bytes(3, "little") + RAW,
    "a skippable frame that is too large": b"\x50\x2a\x4d\x18\xff\xff\xff\x7f" + compress(RAW),
    "a skippable frame that is cut": compress(RAW) + b"\x50\x2a\x4d\x18\x10\x00\x00\x00abc",
    "nothing but skippable frames": (b"\x5f\x2a\x4d\x18" + struct.pack("<I", 3) + b"abc") * 9,
    "nothing but empty frames": make_frame([(0, b"")]) * 9,
    "the old magic of zstd 0.7": b"\x27\xb5\x2f\xfd" + compress(RAW)[4:],
    "gzip": b"\x1f\x8b\x08\x00" + RAW,
    "compressed twice": compress(compress(RAW)),
}


@pytest.mark.parametrize("name", DAMAGED_FRAMES)
def test_a_frame_that_is_not_right(hub: HubProcess, client: PushClient, name: str) -> None:
    with unchanged(hub):
        check_refused(send(client, "bundle", DAMAGED_FRAMES[name], ATTACK.head), "integrity", "invalid")
        check_refused(send(client, "unpack", DAMAGED_FRAMES[name], ATTACK.head), "integrity", "invalid")


GOOD_FRAMES = {
    "one frame": compress(RAW),
    "several frames": b"".join(FRAMES),
    "no declared size": make_frame([(0, RAW)]),
    "several frames without declared sizes": b"".join(make_frame([(0, bytes([byte]))]) for byte in RAW[:300])
    + make_frame([(0, RAW[300:])]),
    "blocks of every length": make_frame([(0, RAW[:1]), (0, b""), (0, RAW[1:300]), (0, RAW[300:])], len(RAW)),
    "empty frames in between": make_frame([(0, b"")]) + FRAMES[0] + make_frame([(0, b"")], 0) + b"".join(FRAMES[1:]),
    "skippable frames in between": b"\x50\x2a\x4d\x18\x03\0\0\0abc" + compress(RAW) + b"\x5f\x2a\x4d\x18\0\0\0\0",
    "not compressed": RAW,
}


@pytest.mark.parametrize("name", GOOD_FRAMES)
def test_every_way_to_write_frames_is_understood(hub: HubProcess, name: str) -> None:
    """What looks odd and is right: the control of the attacks above."""
    with PushClient(hub, "good-" + name.replace(" ", "-")) as client:
        assert client.push(BASE)[0] == 200
        status, answer = send(client, "bundle", GOOD_FRAMES[name], ATTACK.head, "main")
        assert status == 200, answer
        for promoted in (False, True):
            if promoted:
                client.wait_promoted()
            assert all(client.read_object(object_id) == content for object_id, content in ATTACK.contents.items())


def _flips(wire: bytes, step: int) -> Iterator[bytes]:
    for position in range(0, len(wire), step):
        changed = bytearray(wire)
        changed[position] ^= 1 << (position // step % 8)
        yield bytes(changed)


def _fetched(client: PushClient, head: str) -> dict[str, Any]:
    body = pack({"want": [head]})
    response = client.http.post(f"{client.url}/fetch", content=body, headers={"Accept": "application/zstd"})
    return bundles.contents(iter_raw([response.content], 1 << 30))


def test_one_flipped_byte_is_not_even_taken_under_the_right_id(hub: HubProcess, client: PushClient) -> None:
    wire = compress(RAW)
    with unchanged(hub):
        url = client.presign(wire)[1]["presigned_url"]
        for flipped in _flips(wire, len(wire) // 8):
            check_refused(client.put(url, flipped), "integrity")
            check_refused(client.confirm(wire, ATTACK.head, "attack"), "not_found")


@pytest.mark.parametrize("form", ["plain", "compressed"])
def test_one_flipped_byte_anywhere(hub: HubProcess, form: str) -> None:
    """Under the flipped bytes' own id, so that it is the inside that is tried; the outside is its SHA-256.

    What no id covers (a field's name, say) may change without harm; then what comes back is still what was signed for.
    """
    wire = pack(COVERED) if form == "plain" else compress(pack(COVERED))
    flips = list(_flips(wire, 13 if form == "plain" else 7))
    slugs = (f"flips-{form}-{number}" for number in range(len(flips)))
    harmless = 0
    with ExitStack() as opened:
        target = opened.enter_context(_empty_repository(hub, next(slugs)))
        before = _holdings(hub)
        for number, flipped in enumerate(flips):
            answer = send(target, "unpack" if number % 4 else "bundle", flipped, SMALL.head, "main")
            if answer[0] == 200:
                harmless += 1
                assert bundles.holds_nothing_but(SMALL, _fetched(target, SMALL.head))
                target = opened.enter_context(_empty_repository(hub, next(slugs)))
                before = _holdings(hub)
            else:
                check_refused(answer, "integrity", "invalid", "too_large")
                assert _holdings(hub) == before
    assert harmless < len(flips) // 8


def _holdings(hub: HubProcess) -> tuple[dict[str, list[tuple[Any, ...]]], set[str]]:
    rows, files = hub_contents(hub.data_dir)
    return rows, {path for path in files if not path.startswith("store/staging/")}


@contextmanager
def _empty_repository(hub: HubProcess, slug: str) -> Iterator[PushClient]:
    with PushClient(hub, slug) as client:
        made = client.http.post(f"{hub.url}/repos", content=pack({"owner": "ada", "slug": slug}))
        assert made.status_code == 201
        yield client
