"""Writing a work tree: exactly the files asked for, nowhere else, and nobody's work lost."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from museui.core.errors import Conflict, Denied, Integrity, Invalid, MuseError, Unavailable
from museui.core.ids import ObjectId, hash_object
from museui.repo.checkout import Checkout
from museui.repo.tree import find_collision

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

    return move(root, manifest(old), manifest(new), read)


def move(
    root: Path,
    old: Mapping[str, ObjectId],
    new: Mapping[str, ObjectId],
    read: Callable[[ObjectId], Iterator[bytes]],
    **options: bool,
) -> int:
    scratch = root.parent / "muse"
    scratch.mkdir(exist_ok=True)
    with Checkout(str(root), str(scratch), old, new, **options) as checkout:
        checkout.stage(read, lambda: False)
        checkout.apply()
    assert list(scratch.iterdir()) == []
    return checkout.count


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
        move(root, {}, manifest({"a": b"1"}), read)
    assert list(root.iterdir()) == []


def test_a_root_that_is_no_folder_is_named(root: Path) -> None:
    with pytest.raises((Unavailable, Denied), match="nowhere"):
        update(root / "nowhere", {}, TREE)


def test_killed_while_staging_it_has_changed_nothing_and_can_be_run_again(root: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from museui.core.ids import hash_object\n"
        "from museui.repo.checkout import Checkout\n"
        "contents = {hash_object(c): c for c in (b'1', b'2', b'3')}\n"
        "def read(object_id):\n"
        "    yield contents[object_id]\n"
        "    if contents[object_id] == b'2' and sys.argv[3] == 'die': os.kill(os.getpid(), signal.SIGKILL)\n"
        "tree = {'a': hash_object(b'1'), 'd/b': hash_object(b'2'), 'd/c': hash_object(b'3')}\n"
        "with Checkout(sys.argv[1], sys.argv[2], {}, tree) as checkout:\n"
        "    checkout.stage(read, lambda: False)\n"
        "    checkout.apply()\n"
    )
    scratch = root.parent / "muse"
    scratch.mkdir()
    run = [sys.executable, "-c", script, str(root), str(scratch)]
    assert subprocess.run([*run, "die"], check=False).returncode == -signal.SIGKILL
    assert there(root) == {} and list(scratch.iterdir()) != []
    assert subprocess.run([*run, "live"], check=False).returncode == 0
    assert there(root) == {"a": b"1", "d/b": b"2", "d/c": b"3"} and list(scratch.iterdir()) == []


@pytest.mark.parametrize("path", ["a", "deep/c"])  # one that would be replaced, one that would be removed
def test_a_file_that_is_written_after_the_look_is_not_written_over(root: Path, path: str) -> None:
    update(root, {}, TREE)
    new = {"a": b"theirs", "café": b""}
    with Checkout(str(root), str(root.parent / "muse"), manifest(TREE), manifest(new)) as checkout:
        checkout.stage(lambda object_id: iter([b"theirs"]), lambda: False)
        (root / path).write_bytes(b"hours of work")
        with pytest.raises(Conflict, match=path):
            checkout.apply()
    assert (root / path).read_bytes() == b"hours of work"


def test_on_the_way_back_what_holds_something_else_is_left_alone(root: Path) -> None:
    update(root, {}, TREE)
    new = {"a": b"theirs", "café": b"", "new": b"new", "newer": b"newer"}
    update(root, TREE, new)
    (root / "a").write_bytes(b"mine")
    (root / "newer").write_bytes(b"mine too")
    contents = {hash_object(content): content for content in TREE.values()}
    move(root, manifest(new), manifest(TREE), lambda object_id: iter([contents[object_id]]), spare=True)
    assert there(root) == {**TREE, "a": b"mine", "newer": b"mine too"}


def test_a_file_that_cannot_be_removed_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update(root, {}, TREE)

    def refuse(path: str, *, dir_fd: int | None = None) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with Checkout(str(root), str(root.parent / "muse"), manifest(TREE), {}) as checkout:
        monkeypatch.setattr(os, "unlink", refuse)
        with pytest.raises(Denied, match="Permission denied"):
            checkout.apply()
        monkeypatch.undo()


def test_an_empty_folder_makes_way_for_a_file(root: Path) -> None:
    (root / "a/b/c").mkdir(parents=True)
    update(root, {}, {"a": b"1"})
    assert there(root) == {"a": b"1"}


def test_a_folder_on_another_disk_gets_its_files_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def refuse(source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        if src_dir_fd is None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    update(root, {}, {"deep/a": b"1"})
    (root / "deep/a").chmod(0o600)
    monkeypatch.setattr(os, "replace", refuse)
    update(root, {"deep/a": b"1"}, {"deep/a": b"2", "b": b"3"})
    assert there(root) == {"deep/a": b"2", "b": b"3"}
    assert stat.S_IMODE((root / "deep/a").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664, 0o700, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(root: Path, mode: int) -> None:
    update(root, {}, TREE)
    for path in ("a", "deep/c"):
        (root / path).chmod(mode)
    update(root, TREE, {**TREE, "a": b"new", "deep/c": b"new", "fresh": b"fresh"})
    assert {stat.S_IMODE((root / path).stat().st_mode) for path in ("a", "deep/c")} == {mode}
    umask = os.umask(0o022)
    os.umask(umask)
    assert stat.S_IMODE((root / "fresh").stat().st_mode) == 0o666 & ~umask


def test_new_content_is_never_set_uid(root: Path) -> None:
    update(root, {}, TREE)
    (root / "a").chmod(0o6755)
    update(root, TREE, {**TREE, "a": b"new"})
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o755


def test_what_a_person_noted_about_a_file_stays(root: Path) -> None:
    update(root, {}, TREE)
    try:
        os.setxattr(root / "a", "user.take", b"three")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    update(root, TREE, {**TREE, "a": b"new"})
    assert os.getxattr(root / "a", "user.take") == b"three"
