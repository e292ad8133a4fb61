"""The body of `push/stream`: the same records as a bundle, one frame at a time."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.bundle import ObjectEntry, ObjectSource, pack_record
from museui.core.errors import Integrity, Invalid, MuseError, TooLarge
from museui.core.frames import compress_frames, iter_raw
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.records import Commit, Snapshot
from museui.core.stream import StreamHeader, read_stream, write_stream
from tests.helpers.records import History, digest, make_history, pack

LIMITS = Limits()
SONG = make_history({"a": b"one", "b/c": b""}, {"a": b"two", "b/c": b""})
HEADER = {"branch": "main", "head": SONG.head, "expected_head": None, "force": False}


def frames(history: History = SONG) -> list[list[Any]]:
    return [
        ["H", HEADER],
        *(["S", snapshot] for snapshot in history.snapshots),
        *(["O", [name, content]] for name, content in history.contents.items()),
        *(["C", commit] for commit in history.commits),
        ["E", {}],
    ]


def body(items: Iterable[Any]) -> bytes:
    return b"".join(map(pack, items))


def write(history: History) -> bytes:
    sources = [ObjectSource(ObjectId(name[7:]), len(data), [data]) for name, data in history.contents.items()]
    records = [pack_record(record) for record in history.commits], [pack_record(record) for record in history.snapshots]
    return b"".join(write_stream(HEADER, *records, lambda: sources))


def read(raw: bytes | Iterable[bytes], limits: Limits = LIMITS) -> list[Any]:
    found: list[Any] = []
    for item in read_stream([raw] if isinstance(raw, bytes) else raw, limits):
        match item:
            case StreamHeader():
                found.append(["H", dict(item.fields)])
            case Snapshot():
                found.append(["S", item.wire_fields()])
            case Commit():
                found.append(["C", item.wire_fields()])
            case ObjectEntry():
                found.append(["O", ["sha256:" + item.id, b"".join(item.pieces())]])
    return [*found, ["E", {}]]


def test_what_we_write_is_the_frames_of_the_format() -> None:
    assert list(msgpack.Unpacker(io.BytesIO(write(SONG)))) == frames()


@given(st.lists(st.integers(0), max_size=6), st.integers(20, 500), st.booleans())
def test_a_stream_cut_anywhere_compressed_or_not_gives_its_frames(
    places: list[int], frame_raw_bytes: int, plain: bool
) -> None:
    wire = write(SONG)
    if not plain:
        with ThreadPoolExecutor(1) as threads:
            wire = b"".join(compress_frames([wire], 3, threads, frame_raw_bytes=frame_raw_bytes))
    bounds = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    assert read(iter_raw((wire[start:end] for start, end in pairwise(bounds)), 1 << 20)) == frames()


def test_records_may_come_in_any_order_between_header_and_end() -> None:
    header, *records, end = frames()
    assert read(body([header, *reversed(records), end])) == [header, *reversed(records), end]


def test_objects_nobody_reads_are_checked_all_the_same() -> None:
    assert len(list(read_stream([body(frames())], LIMITS))) == len(frames()) - 1
    with pytest.raises(Integrity, match="does not match its content"):
        list(read_stream([body([["H", {}], ["O", [digest(b"one"), b"two"]], ["E", {}]])], LIMITS))


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "truncated"),
        ([["E", {}]], "begin with one H frame"),
        ([["C", SONG.commits[0]]], "begin with one H frame"),
        ([["H", {}]], "truncated"),
        ([["H", {}], ["H", {}], ["E", {}]], "begin with one H frame"),
        ([["H", []]], "H frame is not a map"),
        ([["H", {"x": b"bytes"}]], "JSON cannot hold"),
        ([["H", {}], ["X", {}]], "unknown kind"),
        ([["H", {}], ["x" * 300, {}]], "kind of a frame"),
        ([["H", {}], [1, {}]], "kind of a frame"),
        ([["H", {}], ["E"]], "not a pair"),
        ([["H", {}], ["E", {}, {}]], "not a pair"),
        ([["H", {}], {"E": {}}], "a frame is not a list"),
        ([["H", {}], ["E", {}], ["E", {}]], "after the end"),
        ([["H", {}], ["E", {}], 0], "after the end"),
        ([["H", {}], ["C", SONG.commits[0]], ["C", SONG.commits[0]], ["E", {}]], "in the stream twice"),
        ([["H", {}], ["S", SONG.snapshots[0]], ["S", SONG.snapshots[0]], ["E", {}]], "in the stream twice"),
        ([["H", {}], ["O", [digest(b"x"), b"x"]], ["O", [digest(b"x"), b"x"]], ["E", {}]], "in the stream twice"),
        ([["H", {}], ["O", [digest(b"x")]]], "an O frame is not a pair"),
        ([["H", {}], ["O", ["x", b"x"]]], "object_id is not an id"),
        ([["H", {}], ["O", [digest(b"x"), "x"]]], "is not binary"),
        ([["H", {}], ["O", {digest(b"x"): b"x"}]], "O frame is not a list"),
        ([["H", {}], ["C", None]], "commit record is not a map"),
        ([["H", {}], ["S", None]], "snapshot record is not a map"),
        ([["H", {}], ["S", SONG.snapshots[0] | {"manifest": {}}]], "does not match its manifest"),
        ([["H", {}], ["C", SONG.commits[0] | {"message": ""}]], "does not match its content"),
    ],
)
def test_a_stream_that_breaks_a_rule_is_refused_with_the_rule(items: list[Any], message: str) -> None:
    with pytest.raises((Invalid, Integrity, TooLarge), match=message):
        read(body(items))


def test_a_stream_cut_short_at_any_byte_is_refused() -> None:
    raw = write(SONG)
    for size in range(len(raw)):
        with pytest.raises(Invalid):
            read(raw[:size])


def test_a_stream_with_any_byte_changed_gives_only_what_ids_vouch_for() -> None:
    raw = write(SONG)
    ids = {*SONG.contents, *(c["commit_id"] for c in SONG.commits), *(s["snapshot_id"] for s in SONG.snapshots)}
    for place in range(len(raw)):
        for change in (0x01, 0x20, 0xFF):
            try:
                found = read(raw[:place] + bytes([raw[place] ^ change]) + raw[place + 1 :])
            except MuseError:
                continue
            for kind, value in found[1:-1]:
                assert {"O": lambda v: v[0], "C": lambda v: v["commit_id"], "S": lambda v: v["snapshot_id"]}[kind](
                    value
                ) in ids


@pytest.mark.parametrize(("limit", "value"), [("max_object_bytes", 2), ("max_record_bytes", 200)])
def test_one_more_than_a_limit_is_too_large(limit: str, value: int) -> None:
    with pytest.raises(TooLarge):
        read(write(SONG), replace(LIMITS, **{limit: value}))


@given(st.binary(max_size=120))
def test_a_stream_of_any_bytes_is_refused_with_our_error(data: bytes) -> None:
    with pytest.raises(MuseError):
        read(data)
    with pytest.raises(MuseError):
        read(pack(["H", {}]) + data[:-1] + b"\xc1")
