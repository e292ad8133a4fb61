"""HEAD, branches and tracking refs: what is written there, what else may lie there, what must be refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from museui.core.errors import Integrity, Invalid, Usage
from museui.core.ids import CommitId
from museui.repo.refs import Head, Refs, parse_head

A, B = CommitId("a" * 64), CommitId("b" * 64)


@pytest.fixture
def refs(tmp_path: Path) -> Refs:
    (tmp_path / "refs/heads").mkdir(parents=True)
    return Refs(str(tmp_path))


def test_branches_may_be_nested_and_are_sorted(refs: Refs, tmp_path: Path) -> None:
    for name in ("main", "feat/a/b", "feat/c", "Zeta", "ünïcode"):
        refs.write_branch(name, A)
    assert refs.branches() == dict.fromkeys(["Zeta", "feat/a/b", "feat/c", "main", "ünïcode"], A)
    assert (tmp_path / "refs/heads/feat/a/b").read_bytes() == A.encode()


@pytest.mark.parametrize("content", [A, A + "\n", f"  {A}\r\n", f"sha256:{A}\n"])
def test_a_head_is_read_with_or_without_a_newline(refs: Refs, tmp_path: Path, content: str) -> None:
    (tmp_path / "refs/heads/main").write_bytes(content.encode())
    assert refs.read_branch("main") == A


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_a_branch_without_a_commit_is_none(refs: Refs, tmp_path: Path, content: str) -> None:
    (tmp_path / "refs/heads/main").write_text(content)
    assert refs.read_branch("main") is None
    found = refs.branches()
    assert (found, found.unborn, found.faults) == ({}, ("main",), ())


@pytest.mark.parametrize(
    "content", [b"rubbish", b"a" * 63, b"a" * 65, b"A" * 64, b"\xff" * 64, b"\0" * 64, b"a" * 32 + b"\n" + b"a" * 32]
)
def test_rubbish_in_a_branch_is_refused_with_the_name_of_the_file(refs: Refs, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "refs/heads/main").write_bytes(content)
    with pytest.raises(Integrity, match="refs/heads/main does not hold a commit id"):
        refs.read_branch("main")
    (fault,) = refs.branches().faults
    assert fault.details["branch"] == "main" and "does not hold a commit id" in fault.message


def test_one_garbled_branch_among_ten_is_named_and_the_nine_are_read(refs: Refs, tmp_path: Path) -> None:
    for number in range(9):
        refs.write_branch(f"b{number}", A)
    (tmp_path / "refs/heads/b4x").write_bytes(b"rubbish")
    found = refs.branches()
    assert found == {f"b{number}": A for number in range(9)}
    assert [fault.details["branch"] for fault in found.faults] == ["b4x"]


def test_a_huge_branch_file_is_not_read(refs: Refs, tmp_path: Path) -> None:
    with (tmp_path / "refs/heads/main").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Integrity, match="1099511627776 bytes"):
        refs.read_branch("main")


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_a_branch_that_is_no_file_is_refused(refs: Refs, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "refs/heads/main"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/etc/hostname")
    else:
        path.mkdir()
    with pytest.raises(Integrity, match="refs/heads/main is a"):
        refs.read_branch("main")


def test_a_branch_whose_name_is_not_carried_is_named(refs: Refs, tmp_path: Path) -> None:
    heads = tmp_path / "refs/heads"
    names = ["-x", "a..b", "a\tb", ".hidden/x", "..y", os.fsdecode(b"\xff"), "trailing "]
    for name in names:
        (heads / name).parent.mkdir(exist_ok=True)
        (heads / name).write_text(A)
    (heads / "-rubbish").write_text("rubbish")
    found = refs.branches()
    assert found == {}
    assert sorted(str(fault.details["branch"]) for fault in found.faults) == sorted(
        ["-x", "a..b", "a\tb", ".hidden/x", "..y", "\\xff", "trailing ", "-rubbish"]
    )
    assert {fault.details["rule"] for fault in found.faults} == {"branch_name"}


def test_a_folder_of_branches_that_cannot_be_listed_is_named(refs: Refs, tmp_path: Path) -> None:
    refs.write_branch("main", A)
    refs.write_branch("closed/x", A)
    with patch("os.scandir", _closed(os.scandir)):
        found = refs.branches()
    assert found == {"main": A}
    (fault,) = found.faults
    assert "closed" in fault.message and "Permission denied" in fault.message


def _closed(scandir: Any) -> Any:
    def scan(path: str) -> Any:
        if path.endswith("closed/"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    return scan


def test_other_programs_files_are_passed_over(refs: Refs, tmp_path: Path) -> None:
    refs.write_branch("main", A)
    heads = tmp_path / "refs/heads"
    for name, content in ((".museui-01.tmp", A), (".muse-tmp-x", A), (".swp", "rubbish"), ("-x", ""), ("..a", "")):
        (heads / name).write_text(content)
    found = refs.branches()
    assert (found, found.faults) == ({"main": A}, ())


def test_a_folder_that_is_a_link_is_not_followed(refs: Refs, tmp_path: Path) -> None:
    refs.write_branch("main", A)
    (tmp_path / "refs/heads/loop").symlink_to(tmp_path / "refs/heads")
    found = refs.branches()
    assert found == {"main": A}
    assert ["loop is a symbolic link" in fault.message for fault in found.faults] == [True]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "a//b", "x/..", ".x", "-x", "a\0b", "x" * 256])
def test_a_name_that_is_no_branch_never_becomes_a_path(refs: Refs, name: str) -> None:
    uses: list[Callable[[], object]] = [
        lambda: refs.read_branch(name),
        lambda: refs.write_branch(name, A),
        lambda: refs.read_tracking("origin", name),
        lambda: refs.write_tracking("origin", name, A),
        lambda: refs.write_head(Head(name or "/")),
    ]
    for use in uses:
        with pytest.raises(Invalid):
            use()


@pytest.mark.parametrize("remote", ["..", ".", "a/b", "", "../../x", "-x"])
def test_a_remote_that_is_no_name_never_becomes_a_path(refs: Refs, remote: str) -> None:
    with pytest.raises(Invalid):
        refs.read_tracking(remote, "main")
    with pytest.raises(Invalid):
        refs.write_tracking(remote, "main", A)


def test_only_an_id_can_be_written(refs: Refs) -> None:
    with pytest.raises(Invalid, match="head of main"):
        refs.write_branch("main", CommitId("rubbish"))


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a")])
def test_a_branch_beside_its_own_folder_is_refused_and_nothing_changes(refs: Refs, first: str, second: str) -> None:
    refs.write_branch(first, A)
    with pytest.raises(Usage, match="cannot be made"):
        refs.write_branch(second, B)
    assert refs.branches() == {first: A}


def test_an_empty_folder_gives_way_to_a_branch(refs: Refs, tmp_path: Path) -> None:
    refs.write_branch("a/b", A)
    (tmp_path / "refs/heads/a/b").unlink()
    refs.write_branch("a", B)
    assert refs.branches() == {"a": B}


def test_tracking_refs_are_apart_for_each_remote(refs: Refs, tmp_path: Path) -> None:
    assert refs.read_tracking("origin", "main") is None
    refs.write_tracking("origin", "feat/x", A)
    refs.write_tracking("backup", "feat/x", B)
    assert refs.read_tracking("origin", "feat/x") == A
    assert (tmp_path / "remotes/backup/feat/x").read_bytes() == B.encode()
    assert refs.tracking_names("origin") == ["feat/x"]
    assert refs.tracking_names("nobody") == []
    refs.remove_tracking("origin", "feat/x")
    assert not (tmp_path / "remotes/origin").exists()
    assert refs.read_tracking("backup", "feat/x") == B


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a"), ("a", "a/b/c")])
def test_a_tracking_ref_that_contradicts_the_hub_gives_way(refs: Refs, first: str, second: str) -> None:
    refs.write_tracking("origin", first, A)
    assert refs.read_tracking("origin", second) is None
    refs.write_tracking("origin", second, B)
    assert refs.tracking_names("origin") == [second]
    assert refs.read_tracking("origin", second) == B


@pytest.mark.parametrize(
    ("content", "head"),
    [
        (b"ref: refs/heads/main\n", Head("main")),
        (b"ref: refs/heads/feat/x", Head("feat/x")),
        (f"commit: {A}\n".encode(), Head(None, A)),
        (f"commit: sha256:{A}\n".encode(), Head(None, A)),
    ],
)
def test_head_is_a_branch_or_a_commit(content: bytes, head: Head) -> None:
    assert parse_head(content) == head


@pytest.mark.parametrize(
    "content",
    [b"", b"main", b"ref: refs/heads/", b"ref: refs/heads/../x", b"ref: refs/tags/x", b"commit: main", b"\xff\xfe"],
)
def test_a_head_that_makes_no_sense_is_refused(refs: Refs, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "HEAD").write_bytes(content)
    with pytest.raises(Integrity, match="HEAD is damaged"):
        refs.read_head()


def test_a_missing_head_is_named(refs: Refs) -> None:
    with pytest.raises(Integrity, match="HEAD is missing"):
        refs.read_head()


def test_head_is_written_as_the_client_writes_it(refs: Refs, tmp_path: Path) -> None:
    refs.write_head(Head("feat/x"))
    assert (tmp_path / "HEAD").read_bytes() == b"ref: refs/heads/feat/x\n"
    refs.write_head(Head(None, A))
    assert (tmp_path / "HEAD").read_bytes() == f"commit: {A}\n".encode()
    assert refs.read_head() == Head(None, A)


def test_where_case_is_folded_the_second_of_two_names_is_refused_and_neither_is_read_for_the_other(
    refs: Refs, tmp_path: Path
) -> None:
    (tmp_path / "head").write_text("as HEAD looks on a disk that takes both for one")
    refs.write_branch("main", A)
    refs.write_branch("Take/one", A)
    refs.write_tracking("origin", "main", A)
    for name in ("Main", "take/one", "take/two"):
        assert refs.read_branch(name) is None
        with pytest.raises(Invalid, match="takes upper and lower case for one"):
            refs.write_branch(name, B)
    with pytest.raises(Invalid):
        refs.write_tracking("origin", "MAIN", B)
    assert refs.read_tracking("origin", "MAIN") is None
    refs.remove_tracking("origin", "MAIN")
    assert (refs.read_tracking("origin", "main"), refs.read_branch("Take/one")) == (A, A)
    refs.write_branch("main", B)
    refs.write_branch("Take/two", B)


def test_a_note_that_cannot_be_read_is_damage(refs: Refs, tmp_path: Path) -> None:
    refs.write_tracking("origin", "main", A)
    (tmp_path / "remotes/.DS_Store").write_bytes(b"of another program")
    assert refs.remote_names() == ["origin"]
    refused = PermissionError(errno.EACCES, "Permission denied")
    with patch("os.open", side_effect=refused), pytest.raises(Integrity, match="Permission denied"):
        refs.read_tracking("origin", "main")
