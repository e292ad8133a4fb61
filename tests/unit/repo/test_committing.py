"""Commits of the work tree: in the Muse format, signed, and never half there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from museui.core.errors import Busy, Usage
from museui.core.ids import hash_commit
from museui.core.records import SnapshotParser
from museui.core.signatures import verify_commit
from museui.repo import committing
from museui.repo.check import check_repository
from museui.repo.committing import Taken, commit_work_tree
from museui.repo.history import walk_history
from museui.repo.keys import generate_signing_key
from museui.repo.refs import Head
from museui.repo.repository import Repository
from tests.helpers.workload import SONG_HEAD, RepositoryBuilder, unpack_song

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)

TAKE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from museui.core.failpoints import arm
from museui.repo.committing import commit_work_tree
from museui.repo.repository import Repository
arm(sys.argv[2])
commit_work_tree(Repository.open(Path(sys.argv[1])), sys.argv[3], author="Ada", now=datetime.now(UTC))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.init(tmp_path / "song", "midi")


def take(repository: Repository, message: str = "a change", **options: object) -> Taken:
    return commit_work_tree(repository, message, author="Ada", now=NOW, **options)  # type: ignore[arg-type]


def test_a_commit_has_the_fields_of_the_published_client_in_their_order(tmp_path: Path, repository: Repository) -> None:
    (repository.root / "verse.txt").write_text("la la")
    taken = take(repository)
    assert taken.commit
    written = json.loads((repository.muse / f"commits/{taken.commit.id}.json").read_text())
    song = unpack_song(tmp_path / "fixture")
    published = json.loads((song / f".muse/commits/{SONG_HEAD}.json").read_text())
    assert list(written) == list(published)
    assert written["format_version"] == 5 and written["branch"] == "main" and written["author"] == "Ada"
    assert written["committed_at"] == "2026-11-22T12:00:00.123456+00:00"
    assert written["commit_id"] == hash_commit([], written["snapshot_id"], "a change", written["committed_at"])
    assert repository.branches() == {"main": taken.commit.id}
    assert check_repository(repository).faults == []


def test_a_signed_commit_says_who_signed_it(tmp_path: Path, repository: Repository) -> None:
    (repository.root / "verse.txt").write_text("la la")
    key = generate_signing_key(tmp_path / "key")
    taken = take(repository, key=key)
    assert taken.commit
    fields = repository.read_commit(taken.commit.id).fields
    assert (fields["format_version"], fields["signer_public_key"], fields["signer_key_id"]) == (
        7,
        key.public,
        key.key_id,
    )
    assert verify_commit(fields) == "valid"
    assert check_repository(repository).signatures["valid"] == 1


def test_history_grows_and_says_what_changed(repository: Repository) -> None:
    root = repository.root
    for name in ("stays", "changes", "goes"):
        (root / name).write_text(name)
    first = take(repository, "first").commit
    (root / "changes").write_text("changed")
    (root / "goes").unlink()
    (root / "comes").write_text("new")
    second = take(repository, "second")
    assert (second.added, second.changed, second.removed, second.files) == (("comes",), ("changes",), ("goes",), 3)
    assert first and second.commit and second.commit.parents == (first.id,)
    assert [commit.message for commit in walk_history(repository, [second.commit.id])] == ["second", "first"]


def test_nothing_changed_is_nothing_committed(repository: Repository) -> None:
    assert take(repository).commit is None
    (repository.root / "a").write_text("1")
    head = take(repository).commit
    assert head
    assert take(repository, "again").commit is None
    assert repository.branches() == {"main": head.id}
    empty = take(repository, "marker", allow_empty=True).commit
    assert empty and empty.snapshot_id == head.snapshot_id and empty.parents == (head.id,)


def test_removing_every_file_is_a_change(repository: Repository) -> None:
    (repository.root / "a").write_text("1")
    take(repository)
    (repository.root / "a").unlink()
    taken = take(repository)
    assert taken.commit and taken.removed == ("a",) and taken.files == 0
    assert dict(repository.read_snapshot(taken.commit.snapshot_id, SnapshotParser()).manifest) == {}


def test_it_goes_on_after_the_published_client(tmp_path: Path) -> None:
    song = Repository.open(unpack_song(tmp_path))
    assert take(song).commit is None
    (song.root / "notes/verse.txt").write_text("third take")
    taken = take(song)
    assert taken.commit and taken.commit.parents == (SONG_HEAD,) and taken.changed == ("notes/verse.txt",)
    assert check_repository(song).faults == []


def test_a_detached_head_moves_and_no_branch_does(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    commit_id = builder.commit({"a": b"1"})
    (builder.muse / "HEAD").write_text(f"commit: {commit_id}\n")
    (tmp_path / "a").write_bytes(b"2")
    repository = Repository.open(tmp_path)
    taken = take(repository)
    assert taken.commit and taken.branch is None
    assert repository.read_head() == Head(None, taken.commit.id)
    assert repository.branches() == {"main": commit_id}


@pytest.mark.parametrize("message", ["", "  \n", "\udcff"])
def test_a_message_that_is_none_is_refused(repository: Repository, message: str) -> None:
    (repository.root / "a").write_text("1")
    with pytest.raises(Usage, match="message"):
        take(repository, message)
    assert repository.branches() == {}


def test_a_bare_repository_has_nothing_to_commit(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="bare"):
        take(Repository.init(tmp_path, "code", bare=True))


def test_another_program_that_moved_the_branch_is_not_overruled(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.root / "a").write_text("1")
    first = take(repository).commit
    assert first
    (repository.root / "a").write_text("2")
    other = take(repository, "the other program's").commit
    assert other
    other_id = other.id
    original = committing.new_snapshot

    def meanwhile(*arguments: object) -> object:
        repository.write_branch("main", other_id)
        return original(*arguments)  # type: ignore[arg-type]

    repository.write_branch("main", first.id)
    (repository.root / "a").write_text("3")
    monkeypatch.setattr(committing, "new_snapshot", meanwhile)
    with pytest.raises(Busy, match="moved the branch"):
        take(repository, "ours")
    assert repository.branches() == {"main": other.id}


@pytest.mark.parametrize(
    "place", ["group.synced", "snapshot.objects_written", "atomic.before_rename", "snapshot.commit_written"]
)
def test_killed_on_the_way_the_branch_stands_and_the_next_attempt_works(repository: Repository, place: str) -> None:
    (repository.root / "a").write_text("1")
    before = take(repository).commit
    assert before
    (repository.root / "a").write_text("2")
    (repository.root / "b").write_text("2")
    arguments = [sys.executable, "-c", TAKE, str(repository.root), place, "again"]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert repository.branches() == {"main": before.id}
    assert check_repository(repository).faults == []
    after = take(repository).commit
    assert after and after.parents == (before.id,)
    assert check_repository(repository).faults == []


def test_a_reader_never_sees_a_branch_whose_history_is_not_all_there(repository: Repository) -> None:
    script = TAKE.replace(
        "commit_work_tree(",
        "for number in range(40):\n"
        "    (Path(sys.argv[1]) / f'f{number % 7}').write_text(str(number))\n"
        "    commit_work_tree(",
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(repository.root), "none", "step"])
    try:
        seen = set()
        while writer.poll() is None:
            for head in repository.branches().values():
                seen.add(head)
                parser = SnapshotParser()
                for commit in walk_history(repository, [head]):
                    for object_id in repository.read_snapshot(commit.snapshot_id, parser).manifest.values():
                        assert repository.has_object(object_id)
        assert writer.returncode == 0
    finally:
        if writer.poll() is None:
            writer.kill()
        writer.wait()
    assert len(list(walk_history(repository, repository.branches().values()))) == 40


def test_two_at_once_make_one_history(repository: Repository) -> None:
    arguments = [sys.executable, "-c", TAKE, str(repository.root), "none"]
    (repository.root / "a").write_text("1")
    script = TAKE.replace("now=datetime.now(UTC))", "now=datetime.now(UTC), allow_empty=True)")
    arguments[2] = script
    running = [subprocess.Popen([*arguments, f"from {number}"]) for number in range(4)]
    assert [process.wait() for process in running] == [0, 0, 0, 0]
    messages = {commit.message for commit in walk_history(repository, repository.branches().values())}
    assert messages == {"from 0", "from 1", "from 2", "from 3"}


def test_what_is_written_survives_any_umask(repository: Repository) -> None:
    before = os.umask(0o077)
    try:
        (repository.root / "a").write_text("1")
        take(repository)
    finally:
        os.umask(before)
    assert check_repository(repository).faults == []
