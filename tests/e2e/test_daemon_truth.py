"""The daemon says safe of what the hub has now: of one that went back, was emptied, or where somebody took away."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from museui.local.messages import RepositoryView
from museui.local.state import State
from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import HubProcess
from tests.helpers.watched import heads, make_repository, moves
from tests.helpers.workload import RepositoryBuilder

__all__ = ["daemon"]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(data_dir=tmp_path / "hub") as process:
        yield process


@pytest.fixture
def song(daemon: DaemonProcess, hub: HubProcess, tmp_path: Path) -> RepositoryBuilder:
    daemon.sign_in(hub)
    return make_repository(tmp_path, hub, "song")


def copy_hub(hub: HubProcess, copy: Path) -> None:
    hub.stop()
    shutil.copytree(hub.data_dir, copy)
    hub.start()


def go_back(hub: HubProcess, copy: Path) -> None:
    """Put another copy of the hub's folder in its place, as a restore does; it is not started."""
    if hub.running:
        hub.stop()
    shutil.rmtree(hub.data_dir)
    shutil.copytree(copy, hub.data_dir)


def wait_state(daemon: DaemonProcess, *states: str) -> RepositoryView:
    def find(state: State) -> RepositoryView | None:
        return next((view for view in state.repositories.values() if view.state in states), None)

    view = daemon.follow(find)
    assert isinstance(view, RepositoryView)
    return view


def wait_pushed_again(daemon: DaemonProcess, head: str, count: int = 2) -> None:
    """Until the head was sent so often, and the repository is safe again."""

    def sent(state: State) -> bool:
        pushes = [push for push in state.history.values() if push.head == head and push.result == "done"]
        return len(pushes) == count and all(view.state == "safe" for view in state.repositories.values())

    daemon.follow(sent)


@pytest.mark.parametrize("how", ["while the daemon runs", "while it is off", "a URL for a remote"])
def test_a_hub_that_was_restored_one_push_older_gets_the_push_again(
    daemon: DaemonProcess, hub: HubProcess, song: RepositoryBuilder, tmp_path: Path, how: str
) -> None:
    song.commit({"a": b"1"})
    if how == "a URL for a remote":
        (song.muse / "config.toml").write_text("")
        daemon.watch(song.root, remote=hub.repository("song"))
    else:
        daemon.watch(song.root)
    daemon.wait_safe()
    copy_hub(hub, tmp_path / "copy")
    head = song.commit({"a": b"2"})
    daemon.wait_safe()
    if how == "while it is off":
        daemon.stop()
        go_back(hub, tmp_path / "copy")
        hub.start()
        assert heads(hub, "song") != {"main": head}
        daemon.start()
        view = wait_state(daemon, "safe")
        assert heads(hub, "song") == {"main": head}, f"safe is not said before the hub was asked: {view}"
    else:
        go_back(hub, tmp_path / "copy")
        hub.start()
    wait_pushed_again(daemon, head)
    assert heads(hub, "song") == {"main": head}
    assert "not where they were last seen" in daemon.log or how == "a URL for a remote"


def test_a_hub_that_lacks_the_repository_gets_it_again_and_one_that_knows_nobody_is_not_safe(
    daemon: DaemonProcess, hub: HubProcess, song: RepositoryBuilder, tmp_path: Path
) -> None:
    copy_hub(hub, tmp_path / "before")
    song.commit({"a": b"1"})
    song.commit({"b": b"1"}, branch="side")
    daemon.watch(song.root)
    daemon.wait_safe()
    go_back(hub, tmp_path / "before")
    hub.start()
    daemon.follow(lambda state: len([push for push in state.history.values() if push.result == "done"]) == 4)
    daemon.wait_safe()
    assert heads(hub, "song") == song.heads
    hub.stop()
    view = daemon.follow(lambda state: next((v for v in state.repositories.values() if v.unchecked), None))
    assert (view.state, view.safe, view.unchecked.code) == ("safe", True, "unreachable")
    assert view.checked_at == min(branch.seen_at for branch in view.branches)
    said = daemon.museui("status", song.root).stdout
    assert "hub not asked since" in said, said
    hub.data_dir = tmp_path / "new"
    hub.start()
    view = wait_state(daemon, "stopped")
    assert not view.safe and view.trouble is not None and view.trouble.code == "unauthorized"
    assert daemon.json("status", song.root, expect=1)["safe"] is False
    daemon.sign_in(hub)
    daemon.wait_safe()
    assert heads(hub, "song") == song.heads


@pytest.mark.parametrize("who", ["the daemon", "fetch"])
def test_files_that_the_hub_has_lost_are_not_safe_and_come_again(
    daemon: DaemonProcess, hub: HubProcess, song: RepositoryBuilder, who: str
) -> None:
    head = song.commit({"a": b"the only copy"})
    daemon.watch(song.root)
    daemon.wait_safe()
    hub.stop()
    for folder in ("objects", "bundles"):
        shutil.rmtree(hub.data_dir / "store" / folder, ignore_errors=True)
    hub.command("fsck", "--repair", expect=1)
    if who == "fetch":
        daemon.stop()
        hub.start()
        daemon.museui("fetch", song.root)
        assert daemon.json("status", song.root, expect=1)["branches"][0]["state"] == "gone"
        daemon.start()
    else:
        hub.start()
    wait_pushed_again(daemon, head)
    object_id = hashlib.sha256(b"the only copy").hexdigest()
    assert httpx.get(f"{hub.url}/o/{object_id}", headers=hub.headers).content == b"the only copy"


def test_a_repository_that_a_person_deleted_is_told_and_not_made_again(
    daemon: DaemonProcess, hub: HubProcess, song: RepositoryBuilder
) -> None:
    head = song.commit({"a": b"1"})
    daemon.watch(song.root)
    daemon.wait_safe()
    assert httpx.delete(hub.repository("song"), headers=hub.headers, trust_env=False).status_code == 204
    daemon.restart()
    view = wait_state(daemon, "stopped")
    assert not view.safe and view.trouble is not None and "somebody deleted ada/song" in view.trouble.message
    assert [branch.state for branch in view.branches] == ["gone"]
    assert "somebody deleted" in daemon.museui("queue", "list").stdout
    assert heads(hub, "song") == {}
    daemon.museui("push", song.root)
    daemon.wait_safe()
    assert heads(hub, "song") == {"main": head}


@pytest.mark.parametrize("how", ["moved back", "replaced"])
def test_a_branch_that_a_person_took_away_is_told_and_never_overwritten(
    daemon: DaemonProcess, hub: HubProcess, song: RepositoryBuilder, tmp_path: Path, how: str
) -> None:
    first = song.commit({"a": b"1"})
    head = song.commit({"a": b"2"})
    song.commit({"b": b"1"}, branch="side")
    daemon.watch(song.root)
    daemon.wait_safe()
    other = tmp_path / "other"
    shutil.copytree(song.root, other)
    theirs = first
    if how == "replaced":
        (other / "a").write_bytes(b"3")
        (other / ".muse" / "refs" / "heads" / "main").write_text(first)
        theirs = daemon.json("-C", other, "snapshot", "-m", "other")["commit"].removeprefix("sha256:")
    (other / ".muse" / "refs" / "heads" / "main").write_text(theirs)
    daemon.museui("push", other, "--force", "--no-daemon")
    before = moves(hub, "song")
    daemon.restart()
    view = wait_state(daemon, "stopped")
    assert not view.safe and view.trouble is not None and view.trouble.code == "non_fast_forward"
    assert "main" in view.trouble.message
    assert daemon.json("status", song.root, expect=1)["safe"] is False
    later = song.commit({"a": b"4"})
    daemon.follow(lambda state: any(push.head == later and push.error for push in state.history.values()))
    assert moves(hub, "song") == before and heads(hub, "song").get("main") == theirs
    if how != "replaced":
        daemon.museui("push", song.root)
        daemon.wait_safe()
        assert heads(hub, "song")["main"] == later != head
