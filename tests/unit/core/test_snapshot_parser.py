"""Snapshots of one history parsed one after the other: what is shared between them must not weaken any check."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

import museui.core.records
from museui.core.errors import Integrity, Invalid
from museui.core.ids import hash_object, hash_snapshot, qualified
from museui.core.records import SnapshotParser

A, B = hash_object(b"a"), hash_object(b"b")


def _record(manifest: Mapping[str, str]) -> dict[str, Any]:
    return {"snapshot_id": hash_snapshot(manifest), "manifest": dict(manifest), "created_at": "2026-01-01"}


def test_both_spellings_of_ids_give_the_same_snapshot() -> None:
    parser = SnapshotParser()
    record = _record({"x": A, "y/z": B})
    wire = {**record, "manifest": {path: qualified(object_id) for path, object_id in record["manifest"].items()}}
    assert parser.parse(wire) == parser.parse(record)


def test_a_bad_path_or_id_is_refused_in_a_later_snapshot_too() -> None:
    parser = SnapshotParser()
    parser.parse(_record({"x": A}))
    for manifest, word in (({"x": A, "../y": B}, "path"), ({"x": "no"}, "object id"), ({"x": A, "x/y": B}, "folder")):
        with pytest.raises(Invalid, match=word):
            parser.parse(_record(manifest))
    with pytest.raises(Integrity, match="does not match its manifest"):
        parser.parse({**_record({"x": A}), "manifest": {"x": B}})


@pytest.mark.parametrize("value", [None, 3, b"x" * 32, ["x"], {}])
def test_an_object_id_that_is_not_text_is_refused(value: Any) -> None:
    with pytest.raises(Invalid):
        SnapshotParser().parse({"snapshot_id": A, "manifest": {"x": value}})


@pytest.mark.parametrize("path", [None, 3, b"x", ("x",)])
def test_a_path_that_is_not_text_is_refused(path: Any) -> None:
    with pytest.raises(Invalid):
        SnapshotParser().parse({"snapshot_id": A, "manifest": {path: B}})


def test_many_long_paths_and_many_ids_are_not_all_remembered() -> None:
    parser = SnapshotParser()
    tracemalloc.start()
    try:
        for number in range(200):
            manifest = {f"{number}/{'x' * 4_000}/{n}": hash_object(b"%d %d" % (number, n)) for n in range(100)}
            parser.parse(_record(manifest))
        kept_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept_bytes < 40 << 20  # all paths together have 80 MB


def test_what_was_forgotten_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(museui.core.records, "_MAX_KNOWN_IDS", 2)
    monkeypatch.setattr(museui.core.records, "_MAX_KNOWN_PATH_CHARS", 4)
    parser = SnapshotParser()
    for number in range(20):
        manifest = {f"{number}/{n}": hash_object(b"%d %d" % (number, n)) for n in range(3)}
        assert parser.parse(_record(manifest)).manifest == manifest
        with pytest.raises(Invalid, match="path"):
            parser.parse(_record({**manifest, "../x": A}))
