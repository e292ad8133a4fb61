"""The bundle read and written: what goes in comes out, and every rule of the format is refused by name."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgpack
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from museui.core.bundle import (
    ObjectEntry,
    ObjectSource,
    binary_header,
    pack_record,
    read_bundle,
    write_bundle,
)
from museui.core.errors import Integrity, Invalid, TooLarge
from museui.core.frames import compress_frames, iter_raw
from museui.core.ids import hash_object
from tests.helpers.bundles import LIMITS, contents, read, read_map, write
from tests.helpers.records import digest, make_history, pack, snapshot_record

MiB = 1 << 20
SONG = make_history({"a": b"one", "b/c": b""}, {"a": b"two", "b/c": b"", "d": b"x" * 5_000}, {"a": b"two", "é": b"one"})
PATHS = st.lists(st.sampled_from(["a", "b", "notes", "é", "a b", "x.mid"]), min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.binary(max_size=40) | st.sampled_from([b"", b"x" * 700]), max_size=5).filter(
    lambda files: not any(other.startswith(path + "/") for path in files for other in files)
)


@given(st.lists(TREES, min_size=1, max_size=4), st.lists(st.integers(0), max_size=6), st.integers(50, 2_000))
def test_a_history_packed_compressed_and_cut_anywhere_comes_back_as_it_was(
    trees: list[dict[str, bytes]], places: list[int], frame_raw_bytes: int
) -> None:
    history = make_history(*trees)
    raw = write(history)
    with ThreadPoolExecutor(2) as threads:
        wire = b"".join(compress_frames([raw], 3, threads, frame_raw_bytes=frame_raw_bytes))
    bounds = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    got = contents(iter_raw((wire[start:end] for start, end in pairwise(bounds)), MiB))
    assert got["commits"] == history.commits
    assert got["snapshots"] == history.snapshots
    assert got["objects"] == history.contents
    assert got["branch_heads"] == {"main": history.head[7:]}


def test_any_tool_opens_what_we_write() -> None:
    with ThreadPoolExecutor(1) as threads:
        wire = b"".join(compress_frames([write(SONG)], 3, threads, frame_raw_bytes=600))
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(wire), read_across_frames=True) as reader:
        bundle = msgpack.unpackb(reader.read())
    expected = SONG.bundle()
    counts = {"commits": 3, "snapshots": 3, "objects": 4, "object_bytes": sum(map(len, SONG.contents.values()))}
    assert bundle == expected | {"summary": counts}
    assert list(bundle) == list(expected)


def test_a_bundle_for_the_published_client_has_bare_ids_and_is_the_same_history() -> None:
    raw = write(SONG, bare_ids=True)
    assert b"sha256:" not in raw
    assert contents(raw) == contents(write(SONG))


def test_a_bundle_written_by_hand_is_read_whatever_the_order_of_its_keys() -> None:
    bundle = SONG.bundle()
    expected = contents(pack(bundle))
    assert expected["objects"] == SONG.contents
    assert contents(pack(dict(reversed(bundle.items())))) == expected
    swapped = [dict(reversed(entry.items())) for entry in bundle["objects"]]
    assert contents(pack(bundle | {"objects": swapped})) == expected


def test_every_key_is_optional_and_unknown_ones_are_passed_over() -> None:
    assert read_map({}) == []
    bundle = SONG.bundle(future={"deep": [1, b"binary", {"x": None}]})
    bundle["objects"] = [{"path": "a", "size": 3, **bundle["objects"][0]}, *bundle["objects"][1:]]
    assert contents(pack(bundle)) == contents(pack(SONG.bundle()))


def test_an_object_nobody_reads_is_checked_all_the_same() -> None:
    bundle = SONG.bundle(objects=[{"object_id": digest(b"one"), "content": b"two"}])
    for entry in read_bundle([pack(SONG.bundle())], LIMITS):
        assert not isinstance(entry, ObjectEntry) or entry.id in {name[7:] for name in SONG.contents}
    with pytest.raises(Integrity, match="does not match its content"):
        read_map(bundle)


def test_an_object_read_in_part_is_drained_before_the_next_item() -> None:
    big = b"x" * (3 * MiB)
    bundle = SONG.bundle(objects=[{"object_id": digest(data), "content": data} for data in (big, b"one")])
    sizes = []
    for item in read_bundle([pack(bundle)], LIMITS):
        if isinstance(item, ObjectEntry):
            next(item.pieces(), None)
            sizes.append(item.size_bytes)
    assert sizes == [3 * MiB, 3]


def test_an_object_s_offset_is_where_its_content_lies_in_the_raw_stream() -> None:
    raw = pack(SONG.bundle())
    entries = [item for item in read_bundle([raw], LIMITS) if isinstance(item, ObjectEntry)]
    assert len(entries) == len(SONG.contents)
    for entry in entries:
        content = raw[entry.raw_offset : entry.raw_offset + entry.size_bytes]
        assert hash_object(content) == entry.id


def test_large_objects_pass_in_pieces_of_a_mebibyte_at_most() -> None:
    content = hashlib.sha512(b"noise").digest() * 80_000

    def source() -> Iterator[bytes]:
        yield b"\x81" + pack("objects") + b"\x91\x82" + pack("object_id") + pack(digest(content)) + pack("content")
        yield binary_header(len(content))
        for at in range(0, len(content), 100_000):
            yield content[at : at + 100_000]

    (entry,) = read_bundle(source(), LIMITS)
    assert isinstance(entry, ObjectEntry)  # by now it has been drained: asked again, nothing is left
    assert list(entry.pieces()) == []
    for item in read_bundle(source(), LIMITS):
        assert isinstance(item, ObjectEntry)
        assert max(len(piece) for piece in item.pieces()) <= MiB


OBJECT = {"object_id": digest(b"one"), "content": b"one"}
DEEP = json.loads("[" * 40 + "]" * 40)
TWICE = b"\x82" + pack("content") + pack(b"one") + pack("content") + pack(b"one")
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "object bytes are not those of the id": (
        {"objects": [{"object_id": digest(b"one"), "content": b"two"}]}, "does not match its content"),
    "object bytes before an id that is not theirs": (
        {"objects": [{"content": b"two", "object_id": digest(b"one")}]}, "does not match its content"),
    "object twice": ({"objects": [OBJECT, OBJECT]}, "object .* is in the bundle twice"),
    "object without content": ({"objects": [{"object_id": digest(b"one")}]}, "lacks its object_id or its content"),
    "object without id": ({"objects": [{"content": b"one"}]}, "lacks its object_id or its content"),
    "object of nothing": ({"objects": [{}]}, "lacks its object_id or its content"),
    "object is a list": ({"objects": [[digest(b"one"), b"one"]]}, "entry of objects is not a map"),
    "object content is text": ({"objects": [OBJECT | {"content": "one"}]}, "is not binary"),
    "object id is bytes": ({"objects": [OBJECT | {"object_id": b"one"}]}, "object_id is not an id"),
    "object path leaves the tree": ({"objects": [OBJECT | {"path": "../x"}]}, "path is not allowed"),
    "object path is a number": ({"objects": [OBJECT | {"path": 5}]}, "path is empty or not text"),
    "objects is a map": ({"objects": {digest(b"one"): b"one"}}, "objects is not a list"),
    "commit twice": ({"commits": [SONG.commits[0]] * 2}, "commit .* is in the bundle twice"),
    "commit with another message": (
        {"commits": [SONG.commits[0] | {"message": "other"}]}, "does not match its content"),
    "commit is nil": ({"commits": [None]}, "commit record is not a map"),
    "commit holds bytes": ({"commits": [SONG.commits[0] | {"metadata": {"k": b"v"}}]}, "JSON cannot hold"),
    "commit holds nan": ({"commits": [SONG.commits[0] | {"x": float("nan")}]}, "JSON cannot hold"),
    "commit nested too deep": ({"commits": [SONG.commits[0] | {"x": DEEP}]}, "nested deeper"),
    "commit id is a number": ({"commits": [SONG.commits[0] | {"commit_id": 0}]}, "commit_id is not an id"),
    "commits is text": ({"commits": "none"}, "commits is not a list"),
    "snapshot twice": ({"snapshots": [SONG.snapshots[0]] * 2}, "snapshot .* is in the bundle twice"),
    "snapshot with another file": (
        {"snapshots": [SONG.snapshots[0] | {"manifest": {"a": digest(b"x")}}]}, "does not match its manifest"),
    "snapshot without manifest": ({"snapshots": [{"snapshot_id": digest(b"")}]}, "manifest is missing"),
    "manifest is a list": (
        {"snapshots": [SONG.snapshots[0] | {"manifest": ["a"]}]}, "manifest is missing or not a map"),
    "path leaves the tree": ({"snapshots": [snapshot_record({"../x": b"1"})]}, "path is not allowed"),
    "path is absolute": ({"snapshots": [snapshot_record({"/etc/x": b"1"})]}, "path is not allowed"),
    "path in .muse": ({"snapshots": [snapshot_record({".muse/HEAD": b"1"})]}, "path is not allowed"),
    "file is a folder": ({"snapshots": [snapshot_record({"a": b"1", "a/b": b"2"})]}, "a file and a folder at once"),
    "branch is bytes": ({"branch_heads": {b"main": digest(b"x")}}, "not a map of texts"),
    "head is not an id": ({"branch_heads": {"main": "x"}}, "head of 'main' is not an id"),
    "heads is a list": ({"branch_heads": ["main"]}, "branch_heads is not a map"),
    "meta is text": ({"meta": "full"}, "meta is not a map"),
    "meta of another format": ({"meta": {"format": 2}}, "format 2 is not known"),
    "meta of a long format": ({"meta": {"format": "x" * 9_999}}, "format 'x"),
    "meta holds bytes": ({"meta": {"tool": b"x"}}, "JSON cannot hold"),
    "base is no list": ({"meta": {"base_commits": "x"}}, "base_commits is not a list"),
    "base is no id": ({"meta": {"base_commits": ["x"]}}, "base_commits is not an id"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_bundle_that_breaks_a_rule_is_refused_with_the_rule(case: str) -> None:
    bundle, message = BROKEN[case]
    with pytest.raises((Invalid, Integrity), match=message) as caught:
        read_map(bundle)
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x00",
        b"\x90",
        b"\xc0",
        b"{}",
        b"\x81\xc4\x04meta\x80",  # a key that is bytes
        b"\x81\x01\x80",
        b"\x82" + (pack("meta") + b"\x80") * 2,
        b"\x82" + (pack("x") + b"\x80") * 2,
        b"\x81" + pack("objects") + b"\x91" + TWICE,
        b"\x81" + pack("k" * 1_000) + b"\xc0",
        b"\xdf\xff\xff\xff\xff",
        b"\x81" + pack("commits") + b"\x91" + b"\x81" + pack("commit_id") + b"\x91" * 1_000 + b"\xc0",
        b"\x81" + pack("objects") + b"\x91\x81" + pack("object_id") + b"\x91" * 1_000 + b"\xc0",
    ],
)
def test_bytes_that_are_no_bundle_are_refused(raw: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)) as caught:
        list(read(raw))
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    ("limit", "value", "bundle"),
    [
        ("max_commits", 2, SONG.bundle()),
        ("max_commits", 2, {"snapshots": SONG.snapshots}),
        ("max_objects", 3, SONG.bundle()),
        ("max_object_bytes", 4_999, SONG.bundle()),
        ("max_record_bytes", 300, SONG.bundle()),
    ],
)
def test_one_more_than_a_limit_is_too_large(limit: str, value: int, bundle: dict[str, Any]) -> None:
    with pytest.raises(TooLarge):
        read_map(bundle, replace(LIMITS, **{limit: value}))


def test_a_manifest_of_more_entries_than_the_limit_is_refused() -> None:
    with pytest.raises(Invalid, match="more than 2 files"):
        read_map(SONG.bundle(), replace(LIMITS, max_manifest_entries=2))


def test_a_promised_count_that_does_not_come_is_a_truncated_bundle() -> None:
    for key in ("commits", "snapshots", "objects"):
        with pytest.raises(Invalid, match="truncated"):
            list(read(b"\x81" + pack(key) + b"\xdd\x00\x00\xff\xff"))


@pytest.mark.parametrize(
    "fields",
    [{"x": 1 << 64}, {"x": -(1 << 63) - 1}, {"x": "\udc80"}, {"x": {1, 2}}, {"x": object()}, {"commit_id": 1 << 70}],
)
def test_a_record_msgpack_cannot_hold_is_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="cannot be sent"):
        pack_record({"commit_id": "abc", **fields})


def test_a_record_nested_beyond_what_msgpack_writes_is_refused() -> None:
    value: Any = 1
    for _ in range(2_000):
        value = [value]
    with pytest.raises(Invalid, match="cannot be sent"):
        pack_record({"x": value})


@pytest.mark.parametrize("size", [0, 255, 256, 65_535, 65_536])
def test_the_header_of_binary_is_msgpack_s(size: int) -> None:
    assert binary_header(size) + bytes(size) == pack(bytes(size))


def test_an_object_that_no_msgpack_header_can_announce_is_too_large() -> None:
    assert binary_header((1 << 32) - 1) == b"\xc6\xff\xff\xff\xff"
    with pytest.raises(TooLarge):
        binary_header(1 << 32)


@pytest.mark.parametrize("announced", [0, 2, 4])
def test_a_file_that_changed_while_it_was_packed_stops_the_bundle(announced: int) -> None:
    source = ObjectSource(hash_object(b"one"), announced, [b"o", b"ne"])
    parts = write_bundle(meta={}, branch_heads={}, commits=[], snapshots=(0, []), objects=lambda: (1, [source]))
    with pytest.raises(Integrity, match=f"3 bytes where {announced} were announced"):
        b"".join(parts)
