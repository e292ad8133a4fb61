"""The content of a work tree's files: stored once, and files that do not hold still or cannot be read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from museui.core.ids import ObjectId, hash_object
from museui.repo import contents
from museui.repo.contents import Contents, read_contents
from museui.repo.group import FileGroup
from museui.repo.ignore import IgnoreRules
from museui.repo.stat_cache import StatCache
from museui.repo.store import Store
from museui.repo.worktree import WorkTree, read_work_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / ".muse").mkdir(parents=True)
    return root


def look(root: Path, recorded: dict[str, ObjectId] | None = None) -> WorkTree:
    return read_work_tree(str(root), IgnoreRules([]), recorded or {})


def read(root: Path, tree: WorkTree, recorded: dict[str, ObjectId] | None = None) -> Contents:
    muse = str(root / ".muse")
    with FileGroup(muse) as group:
        return read_contents(tree, recorded or {}, Store(muse), group, StatCache(muse))


def record(root: Path, tree: WorkTree) -> dict[str, ObjectId]:
    return dict(read(root, tree).manifest)


def add(root: Path, **files: bytes) -> None:
    for name, content in files.items():
        (root / name).write_bytes(content)


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
    monkeypatch.setattr(contents, "_WHOLE_BYTES", 1000)
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
    monkeypatch.setattr(contents, "_WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(contents, "_PAUSE_S", 0)
    add(root, song=b"first take" * 1000)
    changes = iter([b"second take, longer" * 1000])
    original = contents._pieces

    def pieces_while_somebody_writes(descriptor: int, limit: int) -> object:
        yield from original(descriptor, limit)
        if content := next(changes, None):
            (root / "song").write_bytes(content)

    monkeypatch.setattr(contents, "_pieces", pieces_while_somebody_writes)
    assert record(root, look(root)) == {"song": hash_object(b"second take, longer" * 1000)}
    assert set(Store(str(root / ".muse")).object_ids()) == {hash_object(b"second take, longer" * 1000)}


@pytest.mark.parametrize("whole_bytes", [0, 1 << 20])
def test_a_file_that_never_holds_still_is_named(root: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int) -> None:
    monkeypatch.setattr(contents, "_WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(contents, "_PAUSE_S", 0)
    add(root, song=b"x")
    original = contents._pieces

    def pieces_while_it_grows(descriptor: int, limit: int) -> object:
        yield from original(descriptor, limit)
        if os.fstat(descriptor).st_ino != (root / "song").stat().st_ino:
            return
        with (root / "song").open("ab") as file:
            file.write(b"x")

    monkeypatch.setattr(contents, "_pieces", pieces_while_it_grows)
    (root / "verse").write_bytes(b"la")
    found = read(root, look(root))
    assert found.manifest == {"verse": hash_object(b"la")}, "all else is recorded"
    (named,) = found.unrecordable
    assert (named.path, named.rule, named.passing) == ("song", "it changes while it is read", True)
    was = {"song": hash_object(b"as it was")}
    assert read(root, look(root, was), was).manifest["song"] == was["song"], "it stays as it is recorded"


def test_a_large_file_that_changes_between_hashing_and_copying_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_WHOLE_BYTES", 0)
    monkeypatch.setattr(contents, "_PAUSE_S", 0)
    add(root, song=b"aaaa")
    calls = []
    original = contents._pieces

    def pieces(descriptor: int, limit: int) -> object:
        calls.append(limit)
        if len(calls) == 2:
            (root / "song").write_bytes(b"bbbb")
        yield from original(descriptor, limit)

    monkeypatch.setattr(contents, "_pieces", pieces)
    assert record(root, look(root)) == {"song": hash_object(b"bbbb")}


READER = """
import os, sys
from museui.core.ids import hash_object
from museui.repo.contents import read_contents
from museui.repo.ignore import IgnoreRules
from museui.repo.stat_cache import StatCache
from museui.repo.store import Store
from museui.repo.worktree import read_work_tree
root, muse = sys.argv[1], sys.argv[1] + "/.muse"
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
recorded = {path: hash_object(b"as it was") for path in ("closed", "shut/song")}
tree = read_work_tree(root, IgnoreRules([]), recorded)
found = read_contents(tree, recorded, Store(muse), None, StatCache(muse))
was = hash_object(b"as it was")
print(sorted((path, object_id == was) for path, object_id in found.manifest.items()))
print([(item.path, item.rule.split(":")[0], item.rule.split(": ")[-1]) for item in found.unrecordable])
"""


def test_what_may_not_be_read_is_named_stays_as_it_is_recorded_and_stops_nothing(root: Path) -> None:
    add(root, closed=b"new", new=b"new", verse=b"la")
    (root / "shut").mkdir()
    add(root / "shut", song=b"x", other=b"x")
    for name, mode in (("closed", 0), ("new", 0), ("shut", 0)):
        (root / name).chmod(mode)
    (root / ".muse").chmod(0o755)
    for folder in (root, *root.parents):
        if folder.owner() == Path.home().owner() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    try:
        arguments = [sys.executable, "-c", READER, str(root)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    finally:
        (root / "shut").chmod(0o755)
    manifest, named = done.stdout.splitlines()
    assert manifest == "[('closed', True), ('shut/song', True), ('verse', False)]"
    assert named == str(
        [
            ("closed", "it cannot be read", "Permission denied"),
            ("new", "it cannot be read", "Permission denied"),
            ("shut/", "the folder cannot be listed", "Permission denied"),
            ("shut/song", "it cannot be read", "Permission denied"),
        ]
    )


def test_what_is_known_of_a_file_is_believed_until_it_is_touched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(root, a=b"one", b=b"two")
    settle(root)
    cache = StatCache(str(root / ".muse"))
    read_contents(look(root), {}, Store(str(root / ".muse")), None, cache)
    cache.write()
    opened: list[str] = []
    original = contents._Reader.read

    def noting(self: object, full: str) -> object:
        opened.append(Path(full).name)
        return original(self, full)  # type: ignore[arg-type]

    monkeypatch.setattr(contents._Reader, "read", noting)

    def hashes() -> dict[str, ObjectId]:
        return dict(
            read_contents(look(root), {}, Store(str(root / ".muse")), None, StatCache(str(root / ".muse"))).manifest
        )

    assert hashes() == {"a": hash_object(b"one"), "b": hash_object(b"two")} and opened == []
    stamp = (root / "a").stat()
    (root / "a").write_bytes(b"uno")
    os.utime(root / "a", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert hashes()["a"] == hash_object(b"uno") and opened == ["a"], "of the same size and time, and written"
    record(root, look(root))
    assert Store(str(root / ".muse")).keeps_object(hash_object(b"two")), "known is not stored: it is read and stored"
    shutil.rmtree(root / ".muse/objects")
    (root / ".muse/objects" / hash_object(b"two")[:2]).mkdir(parents=True)
    Path(Store(str(root / ".muse")).object_path(hash_object(b"two"))).write_bytes(b"")
    record(root, look(root))
    assert b"".join(Store(str(root / ".muse")).read_object(hash_object(b"two"))) == b"two", "an emptied object heals"


def settle(root: Path) -> None:
    """Return when the file system's clock has gone on: files written until now can be told from later ones."""
    probe = root / ".muse/probe"
    newest = max(path.stat().st_ctime_ns for path in root.iterdir())
    while True:
        probe.write_bytes(b"")
        if probe.stat().st_mtime_ns > newest:
            probe.unlink()
            return


def test_a_file_written_in_the_tick_it_was_read_in_is_read_again(root: Path) -> None:
    """The same size, and by the file system's clock the same time: only that it was too young says so."""
    add(root, a=b"one")
    cache = StatCache(str(root / ".muse"))
    (stamp,) = look(root).files.values()
    assert cache.find("a", stamp) is None
    later = stamp._replace(mtime_ns=2**62, ctime_ns=2**62)
    cache.learn("a", later, hash_object(b"one"))
    cache.write()
    assert StatCache(str(root / ".muse")).find("a", later) is None


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"version": 1}',
        b'{"version": 1, "files": []}',
        b'{"version": 2, "files": {}}',
        b'{"version": 1, "files": {"a": null, "b": [1, 2, 3], "c": [1, 2, 3, 4, 5]}}',
        b'{"version": 1, "files": ' + b"[" * 100_000,
    ],
)
def test_rubbish_in_the_cache_counts_for_nothing(root: Path, rubbish: bytes) -> None:
    add(root, a=b"one", b=b"two", c=b"three")
    (root / ".muse/museui-files.json").write_bytes(rubbish)
    assert record(root, look(root)) == {
        name: hash_object(text) for name, text in zip("abc", (b"one", b"two", b"three"), strict=True)
    }


def test_a_cache_that_cannot_be_kept_is_none(root: Path) -> None:
    add(root, a=b"one")
    (root / ".muse/museui-files.json").mkdir()
    settle(root)
    assert record(root, look(root)) == {"a": hash_object(b"one")}
