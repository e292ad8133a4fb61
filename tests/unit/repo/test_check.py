"""`museui verify`: every kind of damage is found and named, and all of it, not only the first."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from museui.core.signatures import sign_commit
from museui.repo.check import Fault, check_repository
from museui.repo.repository import Repository
from tests.helpers.workload import RepositoryBuilder, sha


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    builder = RepositoryBuilder(tmp_path)
    first = builder.commit({"a": b"1", "b": b"2"})
    side = builder.commit({"a": b"side"}, branch="side", parents=[first])
    builder.commit({"a": b"3", "b": b"2"})
    builder.merge({"a": b"4", "b": b"2"}, side)
    return builder


def faults(builder: RepositoryBuilder) -> list[Fault]:
    return check_repository(Repository.open(builder.root)).faults


def add_tag(builder: RepositoryBuilder, commit_id: str) -> Path:
    path = builder.muse / "tags/r/t.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"tag_id": "t", "repo_id": "r", "commit_id": commit_id, "tag": "v1"}))
    return path


def test_a_sound_repository_has_no_fault(builder: RepositoryBuilder) -> None:
    add_tag(builder, builder.heads["side"])
    report = check_repository(Repository.open(builder.root))
    assert report.faults == []
    assert (report.refs, report.tags, report.commits, report.snapshots, report.objects) == (2, 1, 4, 4, 5)


def test_an_empty_repository_has_no_fault(tmp_path: Path) -> None:
    assert check_repository(Repository.init(tmp_path, "code")).faults == []


def object_of(builder: RepositoryBuilder, content: bytes) -> Path:
    return builder.object_file(sha(content))


Damage = Callable[[RepositoryBuilder], object]


@pytest.mark.parametrize(
    ("damage", "kind", "said"),
    [
        (lambda b: (b.muse / "HEAD").unlink(), "ref", "HEAD is missing"),
        (lambda b: (b.muse / "HEAD").write_text("rubbish"), "ref", "HEAD is damaged"),
        (lambda b: (b.muse / "HEAD").write_text(f"commit: {'a' * 64}"), "commit", "HEAD needs it"),
        (lambda b: (b.muse / "refs/heads/main").write_text("rubbish"), "ref", "does not hold a commit id"),
        (lambda b: os.mkfifo(b.muse / "refs/heads/pipe"), "ref", "is a FIFO"),
        (lambda b: (b.muse / "refs/heads/x").write_text("b" * 64), "commit", "branch x needs it"),
        (lambda b: b.commit_file(b.heads["side"]).unlink(), "commit", "is missing; commit"),
        (lambda b: b.commit_file(b.heads["side"]).write_bytes(b"{"), "commit", "not valid JSON"),
        (lambda b: b.snapshot_file(b.snapshot_of(b.heads["main"])).unlink(), "snapshot", "is missing; commit"),
        (lambda b: b.snapshot_file(b.snapshot_of(b.heads["main"])).write_bytes(b"[]"), "snapshot", "JSON object"),
        (lambda b: object_of(b, b"side").unlink(), "object", "needs it as 'a'"),
        (lambda b: object_of(b, b"side").write_bytes(b"sidE"), "object", "is damaged"),
        (lambda b: object_of(b, b"side").write_bytes(b""), "object", "is damaged"),
        (lambda b: add_tag(b, "c" * 64), "commit", "tag v1 needs it"),
        (lambda b: add_tag(b, b.heads["main"]).write_bytes(b"nul"), "tag", "not valid JSON"),
    ],
    ids=range(15),
)
def test_each_kind_of_damage_is_named(builder: RepositoryBuilder, damage: Damage, kind: str, said: str) -> None:
    damage(builder)
    (fault,) = faults(builder)
    assert fault.kind == kind and said in fault.message
    assert fault.item in fault.message or fault.kind == "ref"


def test_all_faults_are_found_at_once(builder: RepositoryBuilder) -> None:
    object_of(builder, b"side").write_bytes(b"wrong")
    object_of(builder, b"2").unlink()
    (builder.muse / "refs/heads/bad").write_text("rubbish")
    builder.snapshot_file(builder.snapshot_of(builder.heads["main"])).unlink()
    assert sorted(fault.kind for fault in faults(builder)) == ["object", "object", "ref", "snapshot"]


def test_each_object_flipped_in_turn_is_found(builder: RepositoryBuilder) -> None:
    for path in sorted((builder.muse / "objects").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
            assert [fault.item for fault in faults(builder)] == [path.parent.name + path.name]
            path.write_bytes(content)
    assert faults(builder) == []


def test_a_forged_signature_is_found(builder: RepositoryBuilder) -> None:
    path = builder.commit_file(builder.heads["side"])
    signed = sign_commit({**json.loads(path.read_text()), "format_version": 7}, b"k" * 32)
    path.write_text(json.dumps(signed))
    assert faults(builder) == []
    path.write_text(json.dumps(signed | {"author": "Eve"}))
    (fault,) = faults(builder)
    assert (fault.kind, fault.item, fault.code) == ("signature", builder.heads["side"], "bad_signature")


def test_what_nobody_needs_may_be_incomplete_but_not_wrong(builder: RepositoryBuilder) -> None:
    lost = builder.commit({"a": b"lost"}, branch="lost")
    (builder.muse / "refs/heads/lost").unlink()
    object_of(builder, b"lost").unlink()
    assert faults(builder) == []
    builder.commit_file(lost).write_bytes(b"{}")
    assert [fault.kind for fault in faults(builder)] == ["commit"]


def test_a_tracking_ref_may_point_at_what_is_not_here(builder: RepositoryBuilder) -> None:
    path = builder.muse / "remotes/origin/main"
    path.parent.mkdir(parents=True)
    path.write_text("d" * 64)
    assert faults(builder) == []
