"""Finding a repository and making one."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from museui.core.errors import Busy, Integrity, Invalid, Usage
from museui.core.ids import CommitId
from museui.repo.config import Remote
from museui.repo.refs import Head
from museui.repo.repository import Repository
from tests.helpers.workload import REPO_ID, RepositoryBuilder

A = CommitId("a" * 64)


def test_it_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "song", "midi")
    deep = builder.root / "a/b"
    deep.mkdir(parents=True)
    for path in (builder.root, deep, builder.muse, builder.muse / "refs"):
        repository = Repository.open(path)
        assert (repository.root, repository.muse) == (builder.root, builder.muse)
        assert (repository.repo_id, repository.domain) == (REPO_ID, "midi")


def test_the_nearest_one_is_taken(tmp_path: Path) -> None:
    RepositoryBuilder(tmp_path / "outer")
    inner = RepositoryBuilder(tmp_path / "outer/x/inner")
    assert Repository.open(inner.root).root == inner.root
    assert Repository.open(tmp_path / "outer/x").root == tmp_path / "outer"
    assert Repository.open_at(inner.root).root == inner.root
    with pytest.raises(Usage, match="not a Muse repository"):
        Repository.open_at(tmp_path / "outer/x")


def test_the_folder_of_the_identity_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".muse").mkdir()
    (tmp_path / ".muse/identity.toml").write_text("")
    (tmp_path / "song").mkdir()
    with pytest.raises(Usage, match="not a Muse repository") as caught:
        Repository.open(tmp_path / "song")
    assert "museui init" in caught.value.hint


def test_a_folder_that_is_not_there_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="there is no folder"):
        Repository.open(tmp_path / "nowhere")


def test_a_slip_in_a_name_is_not_the_repository_around_it(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    (builder.root / "verse.txt").write_text("x")
    for name in ("sonf", "verse.txt", "verse.txt/x"):
        with pytest.raises(Usage, match="there is no folder"):
            Repository.open(builder.root / name)


def test_a_link_in_a_circle_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(Usage, match="there is no folder"):
        Repository.open(tmp_path / "loop")
    with pytest.raises(Usage, match="symbolic links"):
        Repository.init(tmp_path / "loop", "code")


def test_where_something_else_is_in_the_way_none_is_made(tmp_path: Path) -> None:
    (tmp_path / "home/.muse").mkdir(parents=True)
    (tmp_path / "home/.muse/identity.toml").write_text("")
    (tmp_path / "link").mkdir()
    (tmp_path / "link/.muse").symlink_to("nowhere")
    for name in ("home", "link"):
        with pytest.raises(Usage, match=r"there is a \.muse") as caught:
            Repository.init(tmp_path / name, "code")
        assert "another folder" in caught.value.hint
    (tmp_path / "file").write_text("")
    with pytest.raises(Usage, match="Not a directory"):
        Repository.init(tmp_path / "file", "code")


def test_it_is_the_same_through_a_link(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    (tmp_path / "link").symlink_to(builder.root)
    assert Repository.open(tmp_path / "link").root == builder.root


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"[]", b'{"repo_id": 3}', b'{"repo_id": ""}', b'{"repo_id": "x", "domain": []}', b"\xff"],
)
def test_a_damaged_repo_json_is_named(tmp_path: Path, content: bytes | None) -> None:
    builder = RepositoryBuilder(tmp_path)
    path = builder.muse / "repo.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Integrity, match=r"repo\.json"):
        Repository.open(tmp_path)


def test_a_new_one_has_what_the_format_asks_for(tmp_path: Path) -> None:
    repository = Repository.init(tmp_path / "deep/song", "midi", "trunk")
    record = json.loads((repository.muse / "repo.json").read_text())
    assert list(record) == ["repo_id", "schema_version", "created_at", "domain"]
    assert record["repo_id"] == repository.repo_id and record["domain"] == "midi"
    assert repository.read_head() == Head("trunk") and repository.current_branch() == "trunk"
    assert repository.branches() == {} and repository.remotes() == {} and not repository.bare
    assert list((tmp_path / "deep/song").iterdir()) == [repository.muse]
    assert Repository.open(tmp_path / "deep/song").repo_id == repository.repo_id


def test_two_new_ones_are_not_the_same(tmp_path: Path) -> None:
    ids = {Repository.init(tmp_path / name, "code").repo_id for name in "ab"}
    assert len(ids) == 2


def test_a_bare_one_and_a_copy(tmp_path: Path) -> None:
    repository = Repository.init(tmp_path, "code", bare=True, repo_id=REPO_ID, created_at="then")
    assert repository.bare and repository.repo_id == REPO_ID
    assert json.loads((repository.muse / "repo.json").read_text())["created_at"] == "then"


def test_one_that_is_there_is_left_alone(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    head = builder.commit({"a": b"1"})
    with pytest.raises(Usage, match="already"):
        Repository.init(tmp_path, "code")
    assert Repository.open(tmp_path).branches() == {"main": head}
    assert [path.name for path in tmp_path.iterdir()] == [".muse"]


def test_a_first_branch_that_is_none_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        Repository.init(tmp_path / "song", "code", "../x")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match=r"cannot make a repository in .*file/song"):
        Repository.init(tmp_path / "file/song", "code")


def test_an_ordinary_umask_holds_for_records(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        repository = Repository.init(tmp_path, "code")
    finally:
        os.umask(before)
    assert stat.S_IMODE((repository.muse / "HEAD").stat().st_mode) == 0o644


def test_a_removed_remote_is_forgotten_with_its_branches(tmp_path: Path) -> None:
    repository = Repository.open(RepositoryBuilder(tmp_path).root)
    repository.set_remote(Remote("origin", "http://127.0.0.1/a/b"))
    repository.write_tracking("origin", "feat/x", A)
    repository.write_tracking("other", "main", A)
    repository.remove_remote("origin")
    assert repository.read_tracking("origin", "feat/x") is None
    assert repository.read_tracking("other", "main") == A


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    first, second = Repository.open(tmp_path), Repository.open(tmp_path)
    before = sorted(path.name for path in builder.muse.iterdir())
    with first.lock(), pytest.raises(Busy, match="another museui process"), second.lock(wait_s=0):
        pass
    with second.lock(wait_s=0):
        pass
    assert sorted(path.name for path in builder.muse.iterdir()) == before


def test_killed_while_it_is_made_there_is_none_and_the_next_attempt_works(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from museui.core.failpoints import arm\n"
        "from museui.repo.repository import Repository\n"
        "arm('create.before_rename'); Repository.init(Path(sys.argv[1]), 'code')\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(Usage, match="not a Muse repository"):
        Repository.open(tmp_path)
    Repository.init(tmp_path, "code")
    assert [path.name for path in tmp_path.iterdir()] == [".muse"]
