"""Snapshots packed by what differs from the file before are what they are when each file is parsed."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museui.core.errors import MuseError
from museui.core.ids import SnapshotId
from museui.core.packing import SnapshotPacker
from museui.repo import store as store_module
from museui.repo.records import decode_snapshot_record
from museui.repo.store import Store
from museui.sync.snapshots import SnapshotFiles

PATHS = ["a", "ä\u0007.mid", 'say "hi"', "lied/z", "f" * 64, "\U0001f3b5"]
Outcome = tuple[bytes, dict[str, str]] | type[MuseError]


def object_id(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def snapshot_files(manifests: list[dict[str, int]], indent: int | None = 2) -> list[tuple[SnapshotId, bytes]]:
    files = []
    for number, manifest in enumerate(manifests):
        snapshot_id = SnapshotId(object_id(1000 + number))  # nobody here checks it against the manifest
        record = {
            "snapshot_id": snapshot_id,
            "manifest": {path: object_id(value) for path, value in manifest.items()},
            "created_at": f"2026-01-01T00:00:{number:02}+00:00",
        }
        files.append((snapshot_id, json.dumps(record, indent=indent).encode() + b"\n"))
    return files


class Files(Store):
    """A store with one file after the other in it."""

    def __init__(self) -> None:
        super().__init__("/nowhere")
        self.content = b""

    def read_snapshot_file(self, snapshot_id: SnapshotId) -> tuple[bytes, str]:
        return self.content, "path"


def in_full(store: Files, snapshot_id: SnapshotId) -> Outcome:
    needed: dict[str, str] = {}
    try:
        record = store.parse_snapshot_file(store.content, snapshot_id, "path")
        return SnapshotPacker(on_entry=needed.setdefault).pack_fields(snapshot_id, record, record["manifest"]), needed
    except MuseError as exc:
        return type(exc)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(PATHS), st.integers(0, 5), min_size=4), min_size=2, max_size=6),
    st.sampled_from([None, 2]),
    st.data(),
)
def test_whatever_a_byte_of_a_file_becomes_both_ways_of_packing_agree(
    manifests: list[dict[str, int]], indent: int | None, data: st.DataObject
) -> None:
    files = snapshot_files(manifests, indent)
    damaged = data.draw(st.integers(0, len(files)), "damaged")
    needed: dict[str, str] = {}
    store = Files()
    packer = SnapshotFiles(store, needed.setdefault)
    known: dict[str, str] = {}
    for number, (snapshot_id, content) in enumerate(files):
        raw = bytearray(content)
        if number == damaged:
            raw[data.draw(st.integers(0, len(raw) - 1), "place")] = data.draw(st.integers(0, 255), "byte")
        store.content = bytes(raw)
        whole = in_full(store, snapshot_id)
        try:
            packed = packer.pack(snapshot_id)
        except MuseError as exc:
            assert type(exc) is whole
            return
        assert not isinstance(whole, type)
        assert packed == whole[0]
        known = whole[1] | known
        assert needed == known


def test_a_file_like_the_one_before_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    decode = decode_snapshot_record

    def counting(content: bytes, path: str) -> dict[str, object]:
        parsed.append(content)
        return decode(content, path)

    monkeypatch.setattr(store_module, "decode_snapshot_record", counting)
    store = Files()
    packer = SnapshotFiles(store, lambda object_id, path: None)
    for snapshot_id, content in snapshot_files([{"a": number, "b": 0, "c/d": 7} for number in range(20)]):
        store.content = content
        packer.pack(snapshot_id)
    assert len(parsed) == 1


def test_a_file_of_another_snapshot_is_refused_also_after_one_like_it() -> None:
    (first, content), (_, other) = snapshot_files([{"a": 1}, {"a": 2}])
    store = Files()
    packer = SnapshotFiles(store, lambda object_id, path: None)
    store.content = content
    packer.pack(first)
    store.content = other
    with pytest.raises(MuseError, match="another snapshot"):
        packer.pack(first)
