"""Reading a push: every record checked, nothing kept but places, and the digest above everything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgpack
import pytest
import zstandard

from hubstub.push.verify import Contents, Form, read_contents
from museui.core.errors import Integrity, Invalid, MuseError, NotFound, TooLarge
from museui.core.limits import Limits
from museui.core.signatures import sign_commit
from tests.helpers.push_client import compress
from tests.helpers.records import History, commit_record, make_history, pack

HISTORY = make_history({"a": b"one", "b": b"x" * 3000}, {"a": b"two", "b": b"x" * 3000})


def _read(wire: bytes, expected: bytes | None = None, limits: Limits | None = None, form: Form = "bundle") -> Contents:
    digest = hashlib.sha256(wire if expected is None else expected).hexdigest()
    return read_contents(lambda: [wire], len(wire), limits or Limits(), expected_sha256=digest, form=form)


def _records(contents: Contents) -> dict[str, dict[str, Any]]:
    """Every record, read back from its chunk, by its id."""
    raw = {chunk.id: zstandard.ZstdDecompressor().decompress(chunk.read()) for chunk in contents.chunks}
    places: dict[str, Any] = dict(contents.snapshots.items())
    places |= {item: entry.place for item, entry in contents.commits.items()}
    return {
        item: msgpack.unpackb(raw[place.chunk_id][place.offset : place.offset + place.size])
        for item, place in places.items()
    }


@pytest.mark.parametrize("compressed", [True, False])
def test_objects_lie_where_it_says(compressed: bool) -> None:
    raw = pack(HISTORY.bundle())
    contents = _read(compress(raw) if compressed else raw)
    found = {"sha256:" + item: raw[at : at + size] for item, (at, size) in contents.objects.items()}
    assert found == HISTORY.contents
    assert contents.needed_objects == contents.objects.keys()
    assert bool(contents.frames.starts) is compressed


def test_records_are_kept_whole_with_bare_ids() -> None:
    odd = commit_record(
        HISTORY.snapshots[0]["snapshot_id"], [HISTORY.head], "ünïcode", extra={"deep": [1, {"x": None}]}
    )
    contents = _read(pack(HISTORY.bundle(commits=[*HISTORY.commits, odd])))
    records = _records(contents)
    assert records[odd["commit_id"][7:]]["extra"] == {"deep": [1, {"x": None}]}
    assert records[odd["commit_id"][7:]]["parent_commit_id"] == HISTORY.head[7:]
    snapshot = HISTORY.snapshots[0]
    stored = records[snapshot["snapshot_id"][7:]]
    assert stored == {
        **snapshot,
        "snapshot_id": snapshot["snapshot_id"][7:],
        "manifest": {path: item[7:] for path, item in snapshot["manifest"].items()},
    }


def test_many_records_take_several_chunks() -> None:
    trees = [{f"folder-{number}/file-{item}": b"%d" % (number * item) for item in range(200)} for number in range(150)]
    history = make_history(*trees)
    contents = _read(compress(pack(history.bundle())))
    assert len(contents.chunks) > 2
    assert all(chunk.raw_bytes < (1 << 20) + 40_000 for chunk in contents.chunks)
    assert _records(contents).keys() == contents.snapshots.keys() | contents.commits.keys()


def test_commits_are_ordered_parents_first_whatever_the_sender_did() -> None:
    contents = _read(pack(HISTORY.bundle(commits=HISTORY.commits[::-1])))
    assert contents.ordered == [commit["commit_id"][7:] for commit in HISTORY.commits]


@pytest.mark.parametrize("wire", [pack(HISTORY.bundle()), compress(pack(HISTORY.bundle())), b"rubbish", b""])
def test_bytes_of_another_bundle_are_that_and_nothing_else(wire: bytes) -> None:
    with pytest.raises(Integrity) as caught:
        _read(wire, expected=b"another")
    assert caught.value.details["rule"] == "bundle_id"


def test_what_the_store_raises_is_not_taken_for_damage() -> None:
    def read() -> Iterable[bytes]:
        raise NotFound("gone")

    with pytest.raises(NotFound):
        read_contents(read, 10, Limits(), expected_sha256="0" * 64)


def test_limits_hold() -> None:
    wire = compress(pack(HISTORY.bundle()))
    limits = Limits()
    for changed in (
        {"max_raw_bytes": 100},
        {"max_object_bytes": 100},
        {"max_record_bytes": 100},
        {"max_commits": 1},
        {"max_objects": 1},
        {"max_manifest_entries": 1},
    ):
        with pytest.raises(MuseError) as caught:
            _read(wire, limits=replace(limits, **changed))
        assert isinstance(caught.value, (TooLarge, Invalid)), changed
    with pytest.raises(TooLarge):
        read_contents(lambda: [wire], len(wire), limits, max_raw_bytes=100)
    with pytest.raises(TooLarge, match="name more than"):
        _read(pack(HISTORY.bundle(objects=[])), limits=replace(limits, max_objects=2))


def test_a_stream_has_limits_of_its_own() -> None:
    frames: list[Any] = [["H", {"branch": "main", "head": HISTORY.head}]]
    frames += [["O", [object_id, content]] for object_id, content in HISTORY.contents.items()]
    wire = b"".join(map(pack, [*frames, ["E", {}]]))
    contents = _read(wire, form="stream")
    assert (len(contents.objects), contents.header["branch"]) == (3, "main")
    with pytest.raises(TooLarge):
        _read(wire, form="stream", limits=replace(Limits(), stream_max_objects=2))


def test_signatures_are_checked_and_counted() -> None:
    snapshot_id = HISTORY.snapshots[0]["snapshot_id"]
    plain = commit_record(snapshot_id, [], "unsigned")
    hmac = commit_record(snapshot_id, [], "old", signature="a" * 64, format_version=5)
    record = commit_record(snapshot_id, [], "signed")
    signed = {**record, **sign_commit({**record, "commit_id": record["commit_id"][7:]}, b"k" * 32)}
    signed["commit_id"] = record["commit_id"]
    history = History([plain, hmac, signed], HISTORY.snapshots[:1], HISTORY.contents)
    contents = _read(pack(history.bundle()))
    assert contents.signatures == {"unsigned": 1, "unverifiable": 1, "valid": 1}
    assert contents.bad_signature is None
    assert [entry.signer for entry in contents.commits.values()] == ["", "", signed["signer_public_key"]]
    forged = History([{**signed, "author": "Eve"}], HISTORY.snapshots[:1], HISTORY.contents)
    contents = _read(pack(forged.bundle()))
    assert contents.signatures == {"invalid": 1}
    assert contents.bad_signature is not None and record["commit_id"][7:] in contents.bad_signature.message
    assert [entry.signer for entry in contents.commits.values()] == [""]
