"""What a branch needs is on the disk before the branch is: files, names and folders, in a model of a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.cli.main import run
from tests.helpers.disk_order import DiskOrder
from tests.helpers.hub import HubProcess
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder

FILES = {
    f"{name}/{deep}/take": b"%d" % number for number, (name, deep) in enumerate([("a", "b"), ("c", "d"), ("a", "e")])
}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch, hub: HubProcess, home: Path) -> None:
    """The programs run in this process, as the owner of the hub."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MUSEUI_TOKEN", hub.token)


@pytest.fixture
def ada(tmp_path: Path) -> RepositoryBuilder:
    made = RepositoryBuilder(tmp_path / "ada")
    made.commit({**FILES, "gone/with/it": b"old", "empty": b""})
    return made


def push(ada: RepositoryBuilder, hub: HubProcess, slug: str) -> str:
    url = hub.repository(slug)
    assert run(["push", str(ada.root), "--remote", url, "--quiet", "--no-daemon"]) == 0
    return url


def all_there(order: DiskOrder, branch: Path) -> None:
    """Everything: the work tree, and the records and objects of ``.muse``."""
    muse = branch.parents[2]
    assert order.missing(muse.parent, without=".muse") == []
    assert order.missing(*(muse / name for name in ("objects", "snapshots", "commits"))) == []


def records_there(order: DiskOrder, branch: Path) -> None:
    """The records and objects, where the work tree is a person's."""
    assert order.missing(*(branch.parents[2] / name for name in ("objects", "snapshots", "commits"))) == []


def test_a_clone_is_on_the_disk_before_its_branch(
    ada: RepositoryBuilder, hub: HubProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = push(ada, hub, "clone")
    order = DiskOrder(monkeypatch, {"bob/.muse/refs/heads/main": all_there})
    assert run(["clone", url, str(tmp_path / "bob"), "--quiet"]) == 0
    assert order.seen == ["bob/.muse/refs/heads/main"]


def test_a_pull_is_on_the_disk_before_its_branch(
    ada: RepositoryBuilder, hub: HubProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = push(ada, hub, "pull")
    assert run(["clone", url, str(tmp_path / "bob"), "--quiet"]) == 0
    ada.commit({**FILES, "a/b/take": b"new", "new/folder/of/mine": b"new", "gone/with/other": b"new"})
    push(ada, hub, "pull")
    order = DiskOrder(monkeypatch, {"/refs/heads/main": all_there})
    assert run(["pull", str(tmp_path / "bob"), "--quiet"]) == 0
    assert order.seen == ["/refs/heads/main"]


def test_a_pull_that_was_cut_off_is_on_the_disk_before_its_branch(
    ada: RepositoryBuilder, hub: HubProcess, tmp_path: Path, museui: Museui, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the killed process wrote may not be on the disk either: the next one sees to that, too."""
    url = push(ada, hub, "finish")
    bob = tmp_path / "bob"
    assert run(["clone", url, str(bob), "--quiet"]) == 0
    ada.commit({**FILES, "a/b/take": b"new", "new/folder/of/mine": b"new"})
    push(ada, hub, "finish")
    killed = museui("pull", bob, MUSEUI_TOKEN=hub.token, MUSEUI_FAILPOINT="checkout.written")
    assert killed.code == -9
    folders: list[Path] = []

    def folders_synced(order: DiskOrder, branch: Path) -> None:
        all_there(order, branch)
        folders.extend(path for path in (bob, bob / "new/folder/of", bob / "a/b") if order.was_synced(path))

    order = DiskOrder(monkeypatch, {"/refs/heads/main": folders_synced})
    assert run(["pull", str(bob), "--quiet"]) == 0
    assert order.seen == ["/refs/heads/main"] and len(folders) == 3


def test_a_snapshot_is_on_the_disk_before_its_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    song = tmp_path / "song"
    order = DiskOrder(monkeypatch, {"/refs/heads/main": records_there, "/.muse": lambda order, path: None})
    assert run(["init", str(song), "--quiet"]) == 0
    for path, content in FILES.items():
        (song / path).parent.mkdir(parents=True, exist_ok=True)
        (song / path).write_bytes(content)
    assert run(["-C", str(song), "snapshot", "-m", "x", "--quiet"]) == 0
    assert order.seen == ["/refs/heads/main", "/.muse", "/refs/heads/main"]


def test_a_new_repository_is_on_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []

    def whole(order: DiskOrder, muse: Path) -> None:
        (temporary,) = muse.parent.iterdir()
        kept.extend(order.missing(temporary))

    order = DiskOrder(monkeypatch, {"/.muse": whole})
    assert run(["init", str(tmp_path / "song"), "--quiet"]) == 0
    assert order.seen == ["/.muse"] and kept == []
