"""The work tree: what is recorded, what is named and left out, and files that do not hold still."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from museui.core.errors import Busy, Invalid
from museui.core.ids import ObjectId, hash_object
from museui.repo import worktree
from museui.repo.group import FileGroup
from museui.repo.ignore import IgnoreRules
from museui.repo.store import Store
from museui.repo.worktree import WorkTree, read_work_tree, store_work_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / ".muse").mkdir(parents=True)
    return root


def look(root: Path, *patterns: str) -> WorkTree:
    return read_work_tree(str(root), IgnoreRules(list(patterns)))


def record(root: Path, tree: WorkTree) -> dict[str, ObjectId]:
    with FileGroup(str(root / ".muse")) as group:
        return store_work_tree(tree, Store(str(root / ".muse")), group)


def add(root: Path, **files: bytes) -> None:
    for name, content in files.items():
        (root / name).write_bytes(content)


def test_every_ordinary_file_is_found_in_order(root: Path) -> None:
    for path in ("b", "a/z", "a/b/c", ".hidden", ".dot/x", "café", "a b"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "empty").mkdir()
    (root / "node_modules").mkdir()
    (root / "node_modules/x").write_text("")
    (root / "x.log").write_text("")
    assert look(root, "*.log").files == (".dot/x", ".hidden", "a b", "a/b/c", "a/z", "b", "café")


def test_links_and_special_files_are_named_and_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    add(root, real=b"1")
    (root / "folder-link").symlink_to(tmp_path / "outside")
    (root / "file-link").symlink_to(root / "real")
    (root / "broken-link").symlink_to(root / "nowhere")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "fifo")
    os.mkfifo(root / "ignored.tmp")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(root)
        try:
            listener.bind("sock")
        finally:
            os.chdir(here)
        tree = look(root, "*.tmp")
    assert tree.files == ("real",)
    assert tree.left_out == (
        ("broken-link", "symbolic link"),
        ("fifo", "special file"),
        ("file-link", "symbolic link"),
        ("folder-link", "symbolic link"),
        ("loop", "symbolic link"),
        ("sock", "special file"),
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"bad\xff.txt", r"bad\xff.txt"),
        (b"line\nfeed", r"line\nfeed"),
        (b"back\\slash", r"back\\slash"),
        (b"esc\x1b[31m", r"esc\x1b[31m"),
        (b"C:file", "C:file"),
    ],
)
def test_a_name_no_repository_may_hold_is_refused_by_name(root: Path, name: bytes, shown: str) -> None:
    (root / "folder").mkdir()
    path = os.fsencode(root) + b"/folder/" + name if name != b"C:file" else os.fsencode(root) + b"/" + name
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    with pytest.raises(Invalid) as caught:
        look(root)
    assert shown in caught.value.message and "\x1b" not in caught.value.message
    assert ".museignore" in caught.value.hint


def test_a_bad_name_that_is_ignored_does_no_harm(root: Path) -> None:
    os.close(os.open(os.fsencode(root) + b"/bad\xff.tmp", os.O_CREAT | os.O_WRONLY))
    assert look(root, "*.tmp").files == ()


def test_objects_are_stored_once_under_their_ids(root: Path) -> None:
    add(root, a=b"same", b=b"same", c=b"")
    manifest = record(root, look(root))
    assert manifest == {"a": hash_object(b"same"), "b": hash_object(b"same"), "c": hash_object(b"")}
    store = Store(str(root / ".muse"))
    assert set(store.object_ids()) == set(manifest.values())
    stamps = {id_: Path(store.object_path(id_)).stat().st_ino for id_ in manifest.values()}
    assert record(root, look(root)) == manifest
    assert {id_: Path(store.object_path(id_)).stat().st_ino for id_ in manifest.values()} == stamps


def test_large_files_are_read_in_pieces(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worktree, "_WHOLE_BYTES", 1000)
    content = os.urandom(3_000_000)
    add(root, large=content, copy=content)
    manifest = record(root, look(root))
    assert set(manifest.values()) == {hash_object(content)}
    assert b"".join(Store(str(root / ".muse")).read_object(manifest["large"])) == content


def test_a_file_that_went_away_is_left_out(root: Path) -> None:
    add(root, a=b"1", b=b"2")
    tree = look(root)
    (root / "a").unlink()
    assert list(record(root, tree)) == ["b"]


def test_a_file_that_became_a_folder_or_a_fifo_is_left_out(root: Path) -> None:
    add(root, a=b"1", b=b"2", c=b"3")
    tree = look(root)
    (root / "a").unlink()
    (root / "a").mkdir()
    (root / "b").unlink()
    os.mkfifo(root / "b")
    assert list(record(root, tree)) == ["c"]


@pytest.mark.parametrize("whole_bytes", [0, 1 << 20])
def test_a_file_that_changes_while_it_is_read_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
) -> None:
    monkeypatch.setattr(worktree, "_WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(worktree, "_PAUSE_S", 0)
    add(root, song=b"first take" * 1000)
    changes = iter([b"second take, longer" * 1000])
    original = worktree._pieces

    def pieces_while_somebody_writes(descriptor: int, limit: int) -> object:
        yield from original(descriptor, limit)
        if content := next(changes, None):
            (root / "song").write_bytes(content)

    monkeypatch.setattr(worktree, "_pieces", pieces_while_somebody_writes)
    assert record(root, look(root)) == {"song": hash_object(b"second take, longer" * 1000)}
    assert set(Store(str(root / ".muse")).object_ids()) == {hash_object(b"second take, longer" * 1000)}


@pytest.mark.parametrize("whole_bytes", [0, 1 << 20])
def test_a_file_that_never_holds_still_is_named(root: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int) -> None:
    monkeypatch.setattr(worktree, "_WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(worktree, "_PAUSE_S", 0)
    add(root, song=b"x")
    original = worktree._pieces

    def pieces_while_it_grows(descriptor: int, limit: int) -> object:
        yield from original(descriptor, limit)
        with (root / "song").open("ab") as file:
            file.write(b"x")

    monkeypatch.setattr(worktree, "_pieces", pieces_while_it_grows)
    with pytest.raises(Busy, match="song changes while it is read"):
        record(root, look(root))
    assert [path for path in (root / ".muse").rglob("*") if path.is_file()] == []


def test_a_large_file_that_changes_between_hashing_and_copying_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktree, "_WHOLE_BYTES", 0)
    monkeypatch.setattr(worktree, "_PAUSE_S", 0)
    add(root, song=b"aaaa")
    calls = []
    original = worktree._pieces

    def pieces(descriptor: int, limit: int) -> object:
        calls.append(limit)
        if len(calls) == 2:
            (root / "song").write_bytes(b"bbbb")
        yield from original(descriptor, limit)

    monkeypatch.setattr(worktree, "_pieces", pieces)
    assert record(root, look(root)) == {"song": hash_object(b"bbbb")}
