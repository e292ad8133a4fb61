"""What can happen to a repository, to the database and to the system's watches: handled, and said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from museui.local.messages import RepositoryView
from museui.local.state import State
from tests.helpers.daemon import DaemonProcess, daemon, without_watches
from tests.helpers.hub import HubProcess
from tests.helpers.watched import heads, make_repository, moves

__all__ = ["daemon"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def wait_word(daemon: DaemonProcess, word: str) -> RepositoryView:
    """The only repository once its state is ``word``."""

    def find(state: State) -> RepositoryView | None:
        return next((view for view in state.repositories.values() if view.state == word), None)

    view = daemon.follow(find)
    assert isinstance(view, RepositoryView)
    return view


def test_a_repository_that_is_moved_is_missed_and_goes_on_at_its_new_place(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "moved")
    song.commit({"a": b"one"})
    daemon.watch(song.root, branches=["main"])
    daemon.wait_safe()
    new = tmp_path / "elsewhere"
    song.root.rename(new)
    view = wait_word(daemon, "missing")
    assert view.trouble is not None and "museui watch add" in view.trouble.hint
    assert not view.safe
    answer = daemon.client.post("repositories", {"path": str(new)})
    assert (answer["moved_from"], answer["added"]) == (str(song.root), True)
    assert answer["repository"]["watched_branches"] == ["main"]
    assert [item["path"] for item in daemon.client.get("repositories")["repositories"]] == [str(new)]
    daemon.wait_safe(new)
    assert len(moves(hub, "moved")) == 1


def test_a_folder_above_it_may_be_called_nearly_like_its_own(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path / ".muse-songs" / ".muse", hub, "hidden")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    song.commit({"a": b"two"})
    daemon.wait_safe()
    assert heads(hub, "hidden") == song.heads


def test_a_repository_that_comes_back_is_watched_again(daemon: DaemonProcess, hub: HubProcess, tmp_path: Path) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "back")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    away = tmp_path / "away"
    song.root.rename(away)
    wait_word(daemon, "missing")
    away.rename(song.root)
    daemon.client.post("repositories", {"path": str(song.root)})
    daemon.wait_safe()
    head = song.commit({"a": b"two"})
    daemon.follow(lambda state: any(push.head == head for push in state.history.values()))
    assert heads(hub, "back") == {"main": head}


def _was_pushed(state: State, head: str) -> bool:
    return any(push.head == head for push in state.history.values())


def test_a_folder_of_branches_that_is_made_anew_is_watched_again(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "anew")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    shutil.rmtree(song.muse / "refs")
    assert wait_word(daemon, "stopped").branches == (), "what was there is lost, and not for want of commits"
    for content in (b"two", b"three"):
        head = song.commit({"a": content})
        daemon.follow(partial(_was_pushed, head=head))
    assert heads(hub, "anew") == {"main": head}


def test_a_damaged_repository_is_said_and_mended_without_a_restart(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "damaged")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    head = (song.muse / "HEAD").read_text()
    (song.muse / "HEAD").write_text("rubbish")
    view = wait_word(daemon, "stopped")
    assert view.trouble is not None and "HEAD" in view.trouble.message
    (song.muse / "HEAD").write_text(head)
    daemon.wait_safe()
    facts = (song.muse / "repo.json").read_text()
    (song.muse / "repo.json").write_text("{")
    assert wait_word(daemon, "damaged").safe is False
    (song.muse / "repo.json").write_text(facts)
    daemon.wait_safe()


def test_a_commit_that_cannot_be_read_stops_for_a_person_and_the_next_is_tried(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "corrupt")
    head = song.commit({"a": b"one"})
    good = song.commit_file(head).read_bytes()
    song.commit_file(head).write_text("{}")
    daemon.watch(song.root)
    entry = daemon.follow(lambda state: next((e for e in state.queue.values() if e.state == "stopped"), None))
    assert (entry.error.code, entry.error.retryable, entry.tries) == ("integrity", False, 1)
    song.commit_file(head).write_bytes(good)
    daemon.museui("queue", "retry", song.root)
    daemon.wait_safe()
    assert moves(hub, "corrupt") == [head]


def test_a_damaged_database_is_set_aside_and_the_queue_comes_from_the_repositories(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "rebuilt")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    daemon.stop()
    head = song.commit({"a": b"two"})
    database = daemon.data / "daemon.db"
    size = database.stat().st_size
    database.write_bytes(b"rubbish!" * (size // 8))
    daemon.start().wait_safe()
    assert heads(hub, "rebuilt") == {"main": head}
    (trouble,) = daemon.client.get("state")["daemon"]["daemon"]["troubles"]
    assert "was damaged" in trouble["message"]
    (aside,) = daemon.data.glob("daemon.db.damaged-*")
    assert str(aside) in trouble["hint"]
    assert "was damaged" in daemon.museui("daemon", "status").stdout


def test_a_database_of_a_newer_version_is_left_alone(daemon: DaemonProcess) -> None:
    import sqlite3

    daemon.stop()
    database = daemon.data / "daemon.db"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    daemon.start(wait=False)
    assert daemon.wait_ended() == 2
    assert "newer version" in daemon.log
    assert not list(daemon.data.glob("*damaged*"))


def test_without_watches_it_polls_and_says_how_to_get_more(hub: HubProcess, tmp_path: Path) -> None:
    with DaemonProcess(prefix=without_watches()) as daemon:
        daemon.sign_in(hub)
        song = make_repository(tmp_path, hub, "polled")
        song.commit({"a": b"one"})
        daemon.watch(song.root)
        facts = daemon.follow(lambda state: next((d for d in state.daemon.values() if d.watching == "polling"), None))
        assert "sysctl fs.inotify.max_user_watches" in facts.watching_trouble.hint
        daemon.wait_safe()
        head = song.commit({"a": b"two"})
        daemon.follow(lambda state: any(push.head == head for push in state.history.values()))
        checks = {check["name"]: check for check in daemon.client.get("doctor")["checks"]}
        assert not checks["watching"]["ok"]
        assert "polls" in daemon.museui("daemon", "status").stdout


def test_a_configuration_that_is_damaged_changes_nothing_and_is_said(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "config")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    good = daemon.config.read_text()
    daemon.config.write_text("[[repositories]\n")
    trouble = daemon.follow(lambda state: next((t for d in state.daemon.values() for t in d.troubles), None))
    assert str(daemon.config) in trouble.message
    assert daemon.client.get("repositories")["repositories"]
    daemon.config.write_text(good + "branches = ['none']\n")
    daemon.follow(lambda state: any(view.watched_branches == ("none",) for view in state.repositories.values()))
    assert daemon.client.get("state")["daemon"]["daemon"]["troubles"] == []


def test_with_hardly_any_open_files_it_does_not_begin_and_says_why() -> None:
    few = DaemonProcess(prefix=("sh", "-c", 'ulimit -n 8; exec "$@"', "-"))
    try:
        few.start(wait=False)
        assert few.wait_ended() == 2
        assert few.log == "error: the daemon may have only 8 files open\nhint: Raise the limit: ulimit -n 1024\n"
    finally:
        few.close()
