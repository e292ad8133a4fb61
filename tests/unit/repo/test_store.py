"""The immutable part of a repository: found, checked, never written over, never half-written."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from museui.core.errors import Denied, Integrity
from museui.core.ids import CommitId, ObjectId, SnapshotId, hash_object
from museui.core.records import SnapshotParser, parse_commit
from museui.repo.repository import Repository
from tests.helpers.workload import RepositoryBuilder


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    return RepositoryBuilder(tmp_path / "r")


@pytest.fixture
def repository(builder: RepositoryBuilder) -> Repository:
    return Repository.open(builder.root)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Who runs the tests; somebody without rights when that is root, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def litter(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".tmp")]


def replace_by_odd_file(path: Path, kind: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        elsewhere = path.with_name("elsewhere")
        elsewhere.write_bytes(content)
        path.symlink_to(elsewhere)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind("s")
            os.rename("s", path.name)  # noqa: PTH104 - a socket's path must be short
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("fifo", "a FIFO"), ("folder", "a folder"), ("link", "a symbolic link"), ("socket", "a socket")],
)
def test_what_is_no_file_is_named_and_never_waited_for(
    builder: RepositoryBuilder, repository: Repository, kind: str, words: str
) -> None:
    commit_id = builder.commit({"a": b"1"})
    snapshot_id = builder.snapshot_of(commit_id)
    replace_by_odd_file(builder.commit_file(commit_id), kind)
    replace_by_odd_file(builder.snapshot_file(snapshot_id), kind)
    with pytest.raises(Integrity, match=f"{commit_id}.*is {words}"):
        repository.read_commit(CommitId(commit_id))
    with pytest.raises(Integrity, match=f"{snapshot_id}.*is {words}"):
        repository.read_snapshot(SnapshotId(snapshot_id), SnapshotParser())


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_an_object_that_is_no_file_is_named(builder: RepositoryBuilder, repository: Repository, kind: str) -> None:
    object_id = builder.add_object(b"1")
    replace_by_odd_file(builder.object_file(object_id), kind)
    assert not repository.has_object(ObjectId(object_id))
    with pytest.raises(Integrity, match=f"{object_id} is a"):
        list(repository.read_object(ObjectId(object_id)))


def test_what_is_missing_is_named(repository: Repository) -> None:
    absent = "ab" * 32
    assert not repository.has_commit(CommitId(absent))
    assert not repository.has_snapshot(SnapshotId(absent))
    assert not repository.has_object(ObjectId(absent))
    for read in (
        lambda: repository.read_commit(CommitId(absent)),
        lambda: repository.read_snapshot(SnapshotId(absent), SnapshotParser()),
        lambda: list(repository.read_object(ObjectId(absent))),
    ):
        with pytest.raises(Integrity, match=f"{absent} is missing") as caught:
            read()
        assert caught.value.details["rule"] == "missing"


def test_a_record_that_may_not_be_read_is_named(builder: RepositoryBuilder, repository: Repository) -> None:
    commit_id = builder.commit({"a": b"1"})
    builder.commit_file(commit_id).chmod(0)
    with ordinary_user(), pytest.raises(Denied, match=commit_id):
        repository.read_commit(CommitId(commit_id))


def test_a_damaged_object_is_noticed_when_it_has_been_read(builder: RepositoryBuilder, repository: Repository) -> None:
    object_id = builder.add_object(b"x" * 3_000_000)
    assert b"".join(repository.read_object(ObjectId(object_id))) == b"x" * 3_000_000
    with builder.object_file(object_id).open("r+b") as file:
        file.seek(2_999_999)
        file.write(b"y")
    with pytest.raises(Integrity, match=f"{object_id} is damaged"):
        list(repository.read_object(ObjectId(object_id)))


def test_an_object_is_found_by_its_path_and_read_back(repository: Repository) -> None:
    object_id = hash_object(b"hello")
    assert not repository.has_object(object_id)
    repository.write_object(object_id, [b"he", b"", b"llo"])
    assert repository.has_object(object_id)
    assert Path(repository.object_path(object_id)).read_bytes() == b"hello"
    assert b"".join(repository.read_object(object_id)) == b"hello"


def test_the_empty_object_is_a_real_one(repository: Repository) -> None:
    object_id = hash_object(b"")
    repository.write_object(object_id, [])
    assert list(repository.read_object(object_id)) == []


def test_an_object_under_a_wrong_id_is_refused_and_leaves_nothing(repository: Repository) -> None:
    wrong = hash_object(b"something else")
    with pytest.raises(Integrity, match="does not match its content"):
        repository.write_object(wrong, [b"hello"])
    assert not repository.has_object(wrong)
    assert litter(repository.muse) == []


def test_a_source_that_breaks_leaves_nothing(repository: Repository) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("the line fell")

    with pytest.raises(ConnectionError):
        repository.write_object(hash_object(b"half a file"), broken())
    assert litter(repository.muse) == []


def test_a_record_that_is_there_is_not_written_over(builder: RepositoryBuilder, repository: Repository) -> None:
    commit_id = CommitId(builder.commit({"a": b"1"}, local_note="mine"))
    commit = repository.read_commit(commit_id)
    repository.write_commit(parse_commit({**commit.fields, "local_note": "somebody else's"}))
    assert repository.read_commit(commit_id).fields["local_note"] == "mine"


def test_a_damaged_record_is_replaced(builder: RepositoryBuilder, repository: Repository) -> None:
    commit_id = CommitId(builder.commit({"a": b"1"}))
    commit = repository.read_commit(commit_id)
    snapshot = repository.read_snapshot(commit.snapshot_id, SnapshotParser())
    builder.commit_file(commit_id).write_bytes(b"{")
    builder.snapshot_file(snapshot.id).write_bytes(b"")
    repository.write_commit(commit)
    repository.write_snapshot(snapshot)
    assert repository.read_commit(commit_id) == commit
    assert repository.read_snapshot(snapshot.id, SnapshotParser()).manifest == snapshot.manifest


def test_names_that_are_no_ids_are_not_listed(builder: RepositoryBuilder, repository: Repository) -> None:
    commit_id = builder.commit({"a": b"1"})
    for folder in ("commits", "snapshots", "objects", "objects/zz"):
        (builder.muse / folder).mkdir(exist_ok=True)
        (builder.muse / folder / ".tmp-half").write_bytes(b"")
        (builder.muse / folder / "README").write_bytes(b"")
    assert list(repository.store.commit_ids()) == [commit_id]
    assert list(repository.store.snapshot_ids()) == [builder.snapshot_of(commit_id)]
    assert list(repository.store.object_ids()) == [hash_object(b"1")]
