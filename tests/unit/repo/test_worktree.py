"""The work tree: what is recorded, what is named and left out, and what stays recorded whatever the rules say."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from museui.core.limits import Limits
from museui.repo.ignore import IgnoreRules
from museui.repo.unrecordable import Unrecordable, unrecordable_error
from museui.repo.worktree import WorkTree, read_work_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / ".muse").mkdir(parents=True)
    return root


def look(root: Path, *patterns: str, recorded: tuple[str, ...] = ()) -> WorkTree:
    return read_work_tree(str(root), IgnoreRules(list(patterns)), frozenset(recorded))


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


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
    assert tuple(look(root, "*.log").files) == (".dot/x", ".hidden", "a b", "a/b/c", "a/z", "b", "café")


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
    assert tuple(tree.files) == ("real",)
    assert tree.left_out == (
        ("broken-link", "symbolic link"),
        ("fifo", "special file"),
        ("file-link", "symbolic link"),
        ("folder-link", "symbolic link"),
        ("loop", "symbolic link"),
        ("sock", "special file"),
    )


@pytest.mark.parametrize(
    ("name", "shown", "rule"),
    [
        (b"folder/bad\xff.txt", r"folder/bad\xff.txt", "its name is not valid UTF-8"),
        (b"folder/line\nfeed", "folder/line\nfeed", "its name holds a control character"),
        (b"folder/back\\slash", r"folder/back\slash", "its name holds a backslash"),
        (b"folder/esc\x1b[31m", "folder/esc\x1b[31m", "its name holds a control character"),
        (b"C:file", "C:file", "its path begins with a letter and a colon, as that of a drive does"),
        (b"a:b", "a:b", "its path begins with a letter and a colon, as that of a drive does"),
        (b".Muse", ".Muse", "no record may hold its name"),
        (b".GIT", ".GIT", "a part of its path is called .git, and Git would take what is in there for its own"),
    ],
)
def test_a_name_no_repository_may_hold_is_named_with_its_rule_and_stops_nothing(
    root: Path, name: bytes, shown: str, rule: str
) -> None:
    write(root, "folder/good", "verse")
    os.close(os.open(os.fsencode(root) + b"/" + name, os.O_CREAT | os.O_WRONLY))
    tree = look(root)
    assert tuple(tree.files) == ("folder/good", "verse")
    assert [(item.path, item.rule) for item in tree.unrecordable] == [(shown, rule)]
    assert ".museignore" in tree.unrecordable[0].hint


def test_a_bad_name_that_is_ignored_does_no_harm(root: Path) -> None:
    os.close(os.open(os.fsencode(root) + b"/bad\xff.tmp", os.O_CREAT | os.O_WRONLY))
    tree = look(root, "*.tmp")
    assert not tree.files and not tree.unrecordable


def test_all_that_cannot_be_recorded_is_named_and_of_many_a_few_in_a_sentence(root: Path) -> None:
    for number in range(150):
        (root / f"a:{number:03}").write_text("x")
    tree = look(root)
    assert len(tree.unrecordable) == 150
    error = unrecordable_error(tree.unrecordable)
    assert error and error.message.startswith("150 files cannot be recorded: a:000: its path") and not error.retryable
    assert error.message.endswith("; and 145 more") and error.details["count"] == 150
    assert len(error.details["unrecordable"]) == 100
    passing = unrecordable_error((Unrecordable("a", "it changes while it is read", "", passing=True),))
    assert passing and passing.retryable and unrecordable_error(()) is None


def test_a_file_no_hub_takes_is_named(root: Path) -> None:
    write(root, "verse")
    for name, size in (("huge", Limits().max_object_bytes + 1), ("large", Limits().max_object_bytes)):
        with (root / name).open("wb") as file:
            file.truncate(size)
    tree = look(root)
    assert tuple(tree.files) == ("large", "verse")
    assert [(item.path, item.rule) for item in tree.unrecordable] == [
        ("huge", "it has 2,147,483,649 bytes, more than the 2,147,483,648 that a hub takes")
    ]


def test_what_is_recorded_and_there_stays_whatever_the_rules_say(root: Path) -> None:
    recorded = ("a.wav", "build/x", "build/deep/y", "node_modules/p/q", ".env", "keys/own.key", ".DS_Store", "s/t/u")
    write(root, *recorded, "b.wav", "build/new", "node_modules/p/new", "other.key", "s/t/new")
    tree = look(root, "*.wav", "s/", recorded=(*recorded, "build/gone", "gone.wav", "build/x/below"))
    assert set(tree.files) == set(recorded)
    assert not tree.unrecordable and not tree.kept
    assert tree.excluded == (
        ("build/", "build"),
        ("node_modules/", "node_modules"),
        ("other.key", "*.key"),
    )


def test_a_link_where_a_file_is_recorded_is_named_and_the_record_kept(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    write(tmp_path / "elsewhere", "a", "deep/b")
    (root / "song").symlink_to(tmp_path / "elsewhere/a")
    (root / "folder").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(root / "pipe")
    (root / "now-a-folder").mkdir()
    recorded = ("song", "folder/a", "folder/deep/b", "pipe", "now-a-folder", "gone", "song/x")
    tree = look(root, recorded=recorded)
    assert not tree.files, "nothing is followed"
    assert tree.kept == ("folder/a", "folder/deep/b", "pipe", "song", "song/x")
    assert [item.path for item in tree.unrecordable] == list(tree.kept)
    assert all("museui untrack" in item.hint for item in tree.unrecordable)
    assert tree.left_out == (("folder", "symbolic link"),)


def test_built_in_rules_say_what_they_leave_out(root: Path) -> None:
    write(root, ".git/config", ".venv/x", "dist/x", "sub/server.pem", ".env.local", ".DS_Store", "dist.txt")
    tree = look(root)
    assert tuple(tree.files) == ("dist.txt",)
    assert tree.excluded == (
        (".DS_Store", ".DS_Store"),
        (".env.local", ".env.*"),
        (".git/", ".git"),
        (".venv/", ".venv"),
        ("dist/", "dist"),
        ("sub/server.pem", "*.pem"),
    )
