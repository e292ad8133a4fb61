"""Packed snapshots are the records that went in, whatever came before them."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

import museui.core.packing
from museui.core.errors import Invalid
from museui.core.ids import ObjectId, hash_object, hash_snapshot
from museui.core.packing import SnapshotPacker, find_changed
from museui.core.records import Snapshot, SnapshotParser

OBJECTS = st.binary(max_size=2).map(hash_object)
MANIFESTS = st.dictionaries(st.text("abc", min_size=1, max_size=2), OBJECTS, max_size=6)


def snapshot_of(manifest: dict[str, ObjectId], **more: object) -> Snapshot:
    fields = {"snapshot_id": None, "manifest": None, "created_at": "2026-01-01T00:00:00+00:00", **more}
    return Snapshot(hash_snapshot(manifest), manifest, fields)


@pytest.mark.parametrize("bare_ids", [True, False])
@given(manifests=st.lists(MANIFESTS, max_size=6))
def test_every_snapshot_packs_to_its_own_record(bare_ids: bool, manifests: list[dict[str, ObjectId]]) -> None:
    packer, parser = SnapshotPacker(bare_ids=bare_ids), SnapshotParser()
    for manifest in manifests:
        snapshot = snapshot_of(manifest, directories=["empty"], other={"x": [1, None]})
        record = msgpack.unpackb(packer.pack(snapshot))
        assert record == (snapshot.disk_fields() if bare_ids else snapshot.wire_fields())
        assert list(record) == list(snapshot.fields)
        assert list(record["manifest"]) == list(manifest)
        assert parser.parse(record).manifest == manifest


@given(manifests=st.lists(MANIFESTS, max_size=6))
def test_every_object_is_announced_with_its_path_in_the_order_of_first_use(
    manifests: list[dict[str, ObjectId]],
) -> None:
    heard: dict[ObjectId, str] = {}
    packer = SnapshotPacker(on_entry=heard.setdefault)
    for manifest in manifests:
        packer.pack(snapshot_of(manifest))
    expected: dict[ObjectId, str] = {}
    for manifest in manifests:
        for path, object_id in manifest.items():
            expected.setdefault(object_id, path)
    assert list(heard.items()) == list(expected.items())


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(museui.core.packing, "_MAX_ENTRIES", 10)
    packer = SnapshotPacker()
    for number in range(50):
        manifest = {f"{number}-{n}": hash_object(b"") for n in range(4)}
        assert msgpack.unpackb(packer.pack(snapshot_of(manifest)))["manifest"].keys() == manifest.keys()
        assert len(packer._entries) <= 14


def test_a_number_that_msgpack_cannot_hold_is_refused_by_name() -> None:
    snapshot = snapshot_of({}, revision=1 << 70)
    with pytest.raises(Invalid, match=snapshot.id):
        SnapshotPacker().pack(snapshot)


@pytest.mark.parametrize("value", [None, 3, ["x"], {}, "x", b"x" * 64, "sha256:"])
def test_an_unchecked_manifest_with_something_else_than_an_object_id_is_refused(value: object) -> None:
    snapshot_id = hash_snapshot({})
    manifest: Any = {"a": value}
    with pytest.raises(Invalid):
        SnapshotPacker().pack_fields(snapshot_id, {"snapshot_id": snapshot_id, "manifest": manifest}, manifest)


def test_a_value_that_msgpack_does_not_know_is_refused_by_name() -> None:
    snapshot = snapshot_of({}, when={1, 2})
    with pytest.raises(Invalid, match=snapshot.id):
        SnapshotPacker().pack(snapshot)


@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=3)), max_size=40), st.binary(max_size=4))
def test_the_pieces_that_changed_are_found_and_no_others(pairs: list[tuple[bytes, bytes]], cut: bytes) -> None:
    before = [old for old, _ in pairs]
    after = [new.ljust(len(old), b"-")[: len(old)] for old, new in pairs]
    ends = list(accumulate(map(len, before)))
    expected = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert find_changed(b"".join(after) + cut, b"".join(before), ends) == expected
