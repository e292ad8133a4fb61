"""Records as JSON: what any writer put there survives, what cannot be read is refused with the file's name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Integrity, Invalid
from museui.core.ids import CommitId, ObjectId, SnapshotId, hash_snapshot
from museui.core.records import Snapshot, SnapshotParser
from museui.repo.records import (
    decode_commit,
    decode_record,
    decode_snapshot,
    encode_record,
    encode_snapshot,
    parse_tag,
)
from museui.repo.repository import Repository
from tests.helpers.workload import RepositoryBuilder

EMPTY = ObjectId("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def published_spelling(fields: Any) -> bytes:
    return json.dumps(fields, indent=2).encode() + b"\n"


def make_snapshot(manifest: dict[str, ObjectId], created_at: Any = "2026", **extra: Any) -> Snapshot:
    snapshot_id = hash_snapshot(manifest)
    return Snapshot(
        snapshot_id, manifest, {"snapshot_id": snapshot_id, "manifest": None, "created_at": created_at, **extra}
    )


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.just(EMPTY)),
    st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.none(), st.integers(), st.floats()),
)
def test_a_snapshot_is_spelled_as_the_published_client_spells_it(
    manifest: dict[str, ObjectId], created_at: Any
) -> None:
    snapshot = make_snapshot(manifest, created_at)
    assert encode_snapshot(snapshot) == published_spelling(snapshot.disk_fields())


@pytest.mark.parametrize("extra", [10**30, 1e16, 1e-7, -0.0, ["ü", {"deep": [10**25]}], "\x7f", 1.0])
def test_unknown_fields_of_snapshots_survive(extra: Any) -> None:
    snapshot = make_snapshot({"a": EMPTY}, "2026", new_field=extra, directories=["empty"])
    content = encode_snapshot(snapshot)
    again = decode_snapshot(content, snapshot.id, "f", SnapshotParser())
    assert again.fields["new_field"] == extra
    assert encode_snapshot(again) == content == published_spelling(snapshot.disk_fields())


@pytest.mark.parametrize("extra", [10**30, -(2**64), 1e300, 5e-324, 0.1, True, None, {"a": [1, {"b": "\u2028"}]}])
def test_unknown_fields_of_commits_survive(tmp_path: Path, extra: Any) -> None:
    builder = RepositoryBuilder(tmp_path)
    commit_id = builder.commit({"a": b"1"}, metadata={"k": "v"}, new_field=extra)
    commit = Repository.open(tmp_path).read_commit(CommitId(commit_id))
    assert commit.fields["new_field"] == extra
    assert encode_record(commit.fields) == builder.commit_file(commit_id).read_bytes()


def test_older_commits_that_lack_fields_are_read(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    commit_id = builder.commit({"a": b"1"})
    path = builder.commit_file(commit_id)
    record = json.loads(path.read_text())
    kept = {name: record[name] for name in ("commit_id", "snapshot_id", "message", "committed_at")}
    path.write_bytes(published_spelling(kept))
    commit = Repository.open(tmp_path).read_commit(CommitId(commit_id))
    assert commit.parents == () and commit.author == ""
    assert encode_record(commit.fields) == published_spelling(kept)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"commit_id": ',
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b'{"a": "\xc3"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"n": ' + b"9" * 5000 + b"}",
        b"{}trailing",
        b"\0" * 100,
    ],
    ids=range(12),
)
def test_what_is_not_a_record_is_refused_with_the_name_of_the_file(content: bytes) -> None:
    for decode in (
        lambda: decode_record(content, "the/file"),
        lambda: decode_commit(content, CommitId("0" * 64), "the/file"),
        lambda: decode_snapshot(content, SnapshotId("0" * 64), "the/file", SnapshotParser()),
    ):
        with pytest.raises(Integrity, match="the/file"):
            decode()


def test_every_truncation_of_a_record_is_refused(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    commit_id = builder.commit({"a": b"1"})
    snapshot_id = builder.snapshot_of(commit_id)
    commit, snapshot = builder.commit_file(commit_id).read_bytes(), builder.snapshot_file(snapshot_id).read_bytes()
    for end in range(len(commit.rstrip())):
        with pytest.raises(Integrity):
            decode_commit(commit[:end], CommitId(commit_id), "f")
    for end in range(len(snapshot.rstrip())):
        with pytest.raises(Integrity):
            decode_snapshot(snapshot[:end], SnapshotId(snapshot_id), "f", SnapshotParser())


def test_a_record_under_another_name_is_refused(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    first, second = builder.commit({"a": b"1"}), builder.commit({"a": b"2"})
    builder.commit_file(first).write_bytes(builder.commit_file(second).read_bytes())
    repository = Repository.open(tmp_path)
    with pytest.raises(Integrity, match=f"holds commit {second}"):
        repository.read_commit(CommitId(first))
    one, two = builder.snapshot({"a": b"1"}), builder.snapshot({"a": b"2"})
    builder.snapshot_file(one).write_bytes(builder.snapshot_file(two).read_bytes())
    with pytest.raises(Integrity, match=f"holds snapshot {two}"):
        repository.read_snapshot(SnapshotId(one), SnapshotParser())


def test_a_record_whose_content_was_changed_is_refused_by_name(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    commit_id = builder.commit({"a": b"1"}, "true")
    path = builder.commit_file(commit_id)
    path.write_text(path.read_text().replace('"true"', '"false"'))
    with pytest.raises(Integrity, match=f"{commit_id}.*does not match its content"):
        Repository.open(tmp_path).read_commit(CommitId(commit_id))


def test_a_record_that_cannot_be_json_is_not_written() -> None:
    with pytest.raises(Invalid, match="cannot be written"):
        encode_record({"a": b"bytes"})


@pytest.mark.parametrize(
    "change", [{"tag_id": "../x"}, {"repo_id": ""}, {"commit_id": "12"}, {"tag": None}, {"tag": ""}, {"tag_id": 7}]
)
def test_a_tag_that_is_none_is_refused(change: dict[str, Any]) -> None:
    record = {"tag_id": "t", "repo_id": "r", "commit_id": "a" * 64, "tag": "v1", "created_at": "now", "new": 1}
    assert parse_tag(record).fields == record
    with pytest.raises(Invalid):
        parse_tag(record | change)
