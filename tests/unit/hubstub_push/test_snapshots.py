"""Snapshots read by what differs from the one before are what they are when each is read in full."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubstub.push.snapshots import PackedSnapshot, SnapshotReader
from museui.core.bundle import read_bundle
from museui.core.errors import Integrity, Invalid, MuseError
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.packing import SnapshotPacker
from museui.core.records import Snapshot, SnapshotParser
from tests.helpers.records import pack

LIMITS = Limits(max_record_bytes=1 << 16)
PATHS = ["a", "a-b", "a.txt", "lied/ä.mid", "lied/z", "x" * 40, "\U0001f3b5", "￿"]
Outcome = tuple[list[tuple[str, bytes]], set[str]] | type[MuseError]


def object_id(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def record(manifest: dict[str, str], **fields: Any) -> dict[str, Any]:
    """A snapshot as bundles hold it."""
    lines = sorted(f"{path}\0{found}" for path, found in manifest.items())
    snapshot_id = hashlib.sha256("\0".join(lines).encode()).hexdigest()
    wire = {path: "sha256:" + found for path, found in manifest.items()}
    return {"snapshot_id": "sha256:" + snapshot_id, "manifest": wire, **fields}


def history(*numbers: dict[str, int]) -> list[dict[str, Any]]:
    return [
        record({path: object_id(number) for path, number in manifest.items()}, created_at="2026-01-01T00:00:00+00:00")
        for manifest in numbers
    ]


def cut(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[at : at + size] for at in range(0, len(raw), size))


def outcome(read: Callable[[set[str]], list[tuple[str, bytes]]]) -> Outcome:
    needed: set[str] = set()
    try:
        return read(needed), needed
    except MuseError as exc:
        return type(exc)


def by_difference(raw: bytes, piece_bytes: int) -> Outcome:
    def read(needed: set[str]) -> list[tuple[str, bytes]]:
        reader = SnapshotReader(needed.add)
        items = read_bundle(cut(raw, piece_bytes), LIMITS, reader.read)
        return [(item.id, item.record) for item in items if isinstance(item, PackedSnapshot)]

    return outcome(read)


def in_full(raw: bytes) -> Outcome:
    def read(needed: set[str]) -> list[tuple[str, bytes]]:
        packer = SnapshotPacker(bare_ids=True, on_entry=lambda object_id, path: needed.add(object_id))
        return [(item.id, packer.pack(item)) for item in read_bundle([raw], LIMITS) if isinstance(item, Snapshot)]

    return outcome(read)


MANIFESTS = st.lists(
    st.dictionaries(st.sampled_from(PATHS), st.integers(0, 5), min_size=len(PATHS) - 2),
    min_size=1,
    max_size=8,
    unique_by=lambda manifest: tuple(sorted(manifest.items())),
)


@settings(max_examples=300, deadline=None)
@given(MANIFESTS, st.integers(1, 700), st.data())
def test_whatever_a_byte_of_a_history_becomes_both_ways_of_reading_agree(
    manifests: list[dict[str, int]], piece_bytes: int, data: st.DataObject
) -> None:
    raw = bytearray(pack({"snapshots": history(*manifests), "summary": {}}))
    if data.draw(st.booleans(), "damaged"):
        raw[data.draw(st.integers(0, len(raw) - 1), "place")] = data.draw(st.integers(0, 255), "byte")
    assert by_difference(bytes(raw), piece_bytes) == in_full(bytes(raw))


@pytest.mark.parametrize("piece_bytes", [1, 97, 1 << 20])
def test_a_snapshot_like_the_one_before_is_not_parsed(piece_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[object] = []
    parse = SnapshotParser.parse

    def counting(parser: SnapshotParser, given: object) -> Snapshot:
        parsed.append(given)
        return parse(parser, given)

    records = history(*({path: number if path == "a" else 0 for path in PATHS} for number in range(20)))
    raw = pack({"snapshots": records})
    whole = in_full(raw)
    monkeypatch.setattr(SnapshotParser, "parse", counting)
    assert by_difference(raw, piece_bytes) == whole
    assert len(parsed) == 1


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ({"snapshot_id": "sha256:" + object_id(1)}, Integrity),
        ({"manifest": {"a": "sha256:" + "G" * 64}}, Invalid),
        ({"manifest": {"a": 7}}, Invalid),
        ({"manifest": {"b": "sha256:" + object_id(1)}}, Integrity),
        ({"created_at": b"bytes"}, Invalid),
        ({"created_at": float("nan")}, Invalid),
    ],
)
def test_a_snapshot_almost_like_the_one_before_is_refused(last: dict[str, Any], error: type[MuseError]) -> None:
    first, second = history({"a": 0}, {"a": 1})
    raw = pack({"snapshots": [first, {**second, **last}]})
    assert by_difference(raw, 1 << 20) is error
    assert in_full(raw) is error


def test_fields_that_repeat_are_refused() -> None:
    first, second = history({"a": 0}, {"a": 1})
    twice = b"\x83" + b"".join(pack(part) for name in ("snapshot_id", "manifest") for part in (name, second[name]))
    twice += pack("manifest") + pack({"../b": "sha256:" + object_id(2)})
    raw = b"\x81" + pack("snapshots") + b"\x92" + pack(first) + twice
    assert by_difference(raw, 1 << 20) is Invalid
    assert in_full(raw) is Invalid


def test_the_same_snapshot_twice_is_refused() -> None:
    raw = pack({"snapshots": history({"a": 0}, {"a": 0})})
    assert by_difference(raw, 1 << 20) is Invalid


def test_snapshots_that_name_folders_or_bare_ids_or_other_fields_first_are_read_too() -> None:
    folders = [{**item, "directories": ["leer"]} for item in history({"a": 0}, {"a": 1})]
    turned = [dict(reversed(item.items())) for item in history({"a": 2}, {"a": 3})]
    bare = [
        {"snapshot_id": item["snapshot_id"][7:], "manifest": {p: i[7:] for p, i in item["manifest"].items()}}
        for item in history({"a": 4}, {"a": 5})
    ]
    raw = pack({"snapshots": [*folders, *turned, *bare]})
    found = by_difference(raw, 50)
    assert found == in_full(raw)
    assert isinstance(found, tuple) and found[1] == {ObjectId(object_id(number)) for number in range(6)}
