"""Writing a work tree: exactly the files asked for, nowhere else, and nobody's work lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from museui.core.errors import Conflict, Denied, Integrity, Invalid, MuseError, Unavailable
from museui.core.ids import ObjectId, hash_object
from museui.repo.checkout import find_collision, update_work_tree

Tree = dict[str, bytes]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    return root


def update(root: Path, old: Tree, new: Tree) -> int:
    contents = {hash_object(content): content for content in (*old.values(), *new.values())}

    def read(object_id: ObjectId) -> Iterator[bytes]:
        yield contents[object_id][:2]
        yield contents[object_id][2:]

    return update_work_tree(str(root), manifest(old), manifest(new), read)


def manifest(tree: Tree) -> Mapping[str, ObjectId]:
    return {path: hash_object(content) for path, content in tree.items()}


def there(root: Path) -> Tree:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


TREE = {"a": b"1", "deep/er/b": b"two", "café": b"", "deep/c": b"x" * 100}


def test_a_tree_comes_changes_and_goes(root: Path) -> None:
    assert update(root, {}, TREE) == 4
    assert there(root) == TREE
    changed = {"a": b"changed", "café": b"", "new/d": b"d"}
    assert update(root, TREE, changed) == 4
    assert there(root) == changed
    assert not (root / "deep").exists()
    assert update(root, changed, changed) == 0
    assert update(root, changed, {}) == 3
    assert list(root.iterdir()) == []


def test_other_people_s_files_are_left_alone(root: Path) -> None:
    (root / "deep").mkdir()
    (root / "deep/mine").write_text("mine")
    update(root, {}, TREE)
    update(root, TREE, {})
    assert there(root) == {"deep/mine": b"mine"}


@pytest.mark.parametrize("path", ["a", "deep/c"])
def test_a_file_with_work_in_it_stops_everything(root: Path, path: str) -> None:
    update(root, {}, TREE)
    (root / path).write_bytes(b"hours of work")
    before = there(root)
    for new in ({path: b"theirs", "other": b"o"}, {"other": b"o"}):
        with pytest.raises(Conflict, match=path) as caught:
            update(root, TREE, new)
        assert caught.value.details == {"paths": [path]}
        assert there(root) == before


def test_a_file_in_the_way_of_a_new_one_stops_everything(root: Path) -> None:
    (root / "a").write_bytes(b"mine")
    with pytest.raises(Conflict, match="'a'"):
        update(root, {}, TREE)
    assert there(root) == {"a": b"mine"}


def test_a_file_that_already_is_what_it_shall_be_is_no_conflict(root: Path) -> None:
    (root / "a").write_bytes(b"1")
    update(root, {}, TREE)
    assert there(root) == TREE


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_is_never_followed(root: Path, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b").write_bytes(b"precious")
    if kind == "folder":
        (root / "deep").symlink_to(outside)
        wanted = {"deep/b": b"evil", "deep/new": b"evil"}
    else:
        (root / "b").symlink_to(outside / "b")
        wanted = {"b": b"evil"}
    with pytest.raises(MuseError):
        update(root, {}, wanted)
    assert there(outside) == {"b": b"precious"}
    with pytest.raises(MuseError):
        update(root, wanted, {})
    assert there(outside) == {"b": b"precious"}


def test_a_fifo_in_the_way_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "a")
    with pytest.raises(Conflict, match="'a'"):
        update(root, {}, TREE)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ".muse/HEAD", "a//b", "a\\b", "C:x", "a\0b", ""])
def test_a_path_that_leaves_the_tree_is_refused_before_anything_is_written(root: Path, path: str) -> None:
    with pytest.raises(Invalid):
        update(root, {}, {"good": b"1", path: b"2"})
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("path", [".git/config", "sub/.git/hooks/post-checkout", ".GIT/config", ".git"])
def test_nothing_is_written_that_git_would_obey(root: Path, path: str) -> None:
    with pytest.raises(Invalid, match="Git"):
        update(root, {}, {"good": b"1", path: b"2"})
    assert list(root.iterdir()) == []


def test_a_file_that_is_a_folder_too_is_refused(root: Path) -> None:
    with pytest.raises(Invalid, match="file and a folder"):
        update(root, {}, {"a": b"1", "a/b": b"2"})


def test_a_file_becomes_a_folder_and_back(root: Path) -> None:
    update(root, {}, {"a": b"1"})
    update(root, {"a": b"1"}, {"a/b": b"2"})
    assert there(root) == {"a/b": b"2"}
    update(root, {"a/b": b"2"}, {"a": b"3"})
    assert there(root) == {"a": b"3"}


def test_a_folder_with_work_in_it_does_not_become_a_file(root: Path) -> None:
    update(root, {}, {"a/b": b"1", "a/deep/c": b"2"})
    (root / "a/deep/mine").write_text("mine")
    with pytest.raises(Conflict, match="'a'"):
        update(root, {"a/b": b"1", "a/deep/c": b"2"}, {"a": b"3"})
    assert there(root) == {"a/b": b"1", "a/deep/c": b"2", "a/deep/mine": b"mine"}
    (root / "a/deep/mine").unlink()
    update(root, {"a/b": b"1", "a/deep/c": b"2"}, {"a": b"3"})
    assert there(root) == {"a": b"3"}


def test_a_file_with_work_in_it_does_not_become_a_folder(root: Path) -> None:
    (root / "a").write_bytes(b"mine")
    for old in ({}, {"a": b"1"}):
        with pytest.raises(Conflict, match="'a"):
            update(root, old, {"a/b": b"2"})
    assert there(root) == {"a": b"mine"}


@pytest.mark.parametrize(
    ("paths", "clash"),
    [
        (["a", "b"], None),
        (["Readme", "README"], ("Readme", "README")),
        (["cafe\u0301", "café"], ("cafe\u0301", "café")),
        (["straße", "STRASSE"], ("straße", "STRASSE")),
    ],
)
def test_names_some_systems_take_for_one_are_found(paths: list[str], clash: tuple[str, str] | None) -> None:
    assert find_collision(paths) == clash


def test_where_they_are_two_both_are_written(root: Path) -> None:
    tree = {"Readme": b"1", "README": b"2"}
    update(root, {}, tree)
    assert there(root) == tree


def test_an_object_that_is_missing_leaves_no_half_file(root: Path) -> None:
    def read(object_id: ObjectId) -> Iterator[bytes]:
        yield b"half"
        raise Integrity(f"object {object_id} is damaged")

    with pytest.raises(Integrity):
        update_work_tree(str(root), {}, manifest({"a": b"1"}), read)
    assert list(root.iterdir()) == []


def test_a_root_that_is_no_folder_is_named(root: Path) -> None:
    with pytest.raises((Unavailable, Denied), match="nowhere"):
        update(root / "nowhere", {}, TREE)


def test_killed_on_the_way_it_can_be_run_again_and_nothing_is_left(root: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from museui.core.ids import hash_object\n"
        "from museui.repo.checkout import update_work_tree\n"
        "contents = {hash_object(c): c for c in (b'1', b'2', b'3')}\n"
        "def read(object_id):\n"
        "    yield contents[object_id]\n"
        "    if contents[object_id] == b'2' and sys.argv[2] == 'die': os.kill(os.getpid(), signal.SIGKILL)\n"
        "tree = {'a': hash_object(b'1'), 'd/b': hash_object(b'2'), 'd/c': hash_object(b'3')}\n"
        "update_work_tree(sys.argv[1], {}, tree, read)\n"
    )
    run = [sys.executable, "-c", script, str(root)]
    assert subprocess.run([*run, "die"], check=False).returncode == -signal.SIGKILL
    assert any(".tmp" in path for path in there(root))
    assert subprocess.run([*run, "live"], check=False).returncode == 0
    assert there(root) == {"a": b"1", "d/b": b"2", "d/c": b"3"}
