"""snapshot-on-change: a work tree that is quiet is committed and pushed, without what is ignored, never empty."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from museui.core.ids import hash_object
from museui.local.messages import RepositoryView
from museui.local.state import State
from museui.repo.lock import hold_lock
from tests.helpers.daemon import DaemonProcess, daemon, without_watches
from tests.helpers.hub import HubProcess
from tests.helpers.watched import heads, make_repository
from tests.helpers.workload import RepositoryBuilder

__all__ = ["daemon"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def manifest(song: RepositoryBuilder, commit: str) -> dict[str, str]:
    record = json.loads(song.commit_file(commit).read_text())
    found: dict[str, str] = json.loads(song.snapshot_file(record["snapshot_id"]).read_text())["manifest"]
    return found


def begin(daemon: DaemonProcess, hub: HubProcess, song: RepositoryBuilder) -> None:
    daemon.sign_in(hub)
    daemon.config.parent.mkdir(parents=True, exist_ok=True)
    daemon.config.write_text('[daemon]\nsnapshot_quiet_seconds = 1\nsnapshot_message = "by itself, {date}"\n')
    daemon.client.post("reload")
    daemon.watch(song.root, snapshot_on_change=True)


def watched_inodes(daemon: DaemonProcess) -> set[int]:
    """The folders that the system tells the daemon of, by their numbers."""
    facts = [path.read_text() for path in Path(f"/proc/{daemon.pid}/fdinfo").iterdir() if path.exists()]
    return {int(number, 16) for text in facts for number in re.findall(r"^inotify .* ino:([0-9a-f]+) ", text, re.M)}


def test_a_work_tree_that_is_quiet_is_committed_signed_and_pushed(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.museui("keys", "generate")
    song = make_repository(tmp_path, hub, "quiet")
    (song.root / ".museignore").write_text('[global]\npatterns = ["scratch/"]\n')
    (song.root / "verse.txt").write_text("la")
    begin(daemon, hub, song)

    def wait_for(*names: str) -> str:
        def arrived() -> str | None:
            head = heads(hub, "quiet").get("main")
            return head if head and set(manifest(song, head)) == {".museignore", *names} else None

        return str(daemon.wait(arrived, f"{names} on the hub"))

    first = wait_for("verse.txt")
    record = json.loads(song.commit_file(first).read_text())
    assert record["message"].startswith("by itself, 20") and record["signature"]
    (song.root / "new").mkdir()
    (song.root / "new" / "chorus.txt").write_text("lala")
    second = wait_for("verse.txt", "new/chorus.txt")
    (song.root / "scratch").mkdir()
    (song.root / "scratch" / "x").write_text("x")
    (song.root / "new" / "chorus.txt").write_text("lala")
    (song.root / "new" / "bridge.txt").write_text("lalala")
    third = wait_for("verse.txt", "new/chorus.txt", "new/bridge.txt")
    assert len({first, second, third}) == 3
    inodes = watched_inodes(daemon)
    assert (song.root / "new").stat().st_ino in inodes
    assert (song.root / "scratch").stat().st_ino not in inodes, "what is ignored costs no watch"
    assert len(list((song.muse / "commits").iterdir())) == 3, "what changes nothing is no commit"


def test_without_watches_it_is_looked_at_and_recorded_unless_another_program_writes(
    hub: HubProcess, tmp_path: Path
) -> None:
    with DaemonProcess(prefix=without_watches()) as daemon:
        song = make_repository(tmp_path, hub, "polled")
        for name in ("one", "two"):
            (song.root / name).mkdir()
        (song.root / "verse.txt").write_text("la")
        begin(daemon, hub, song)

        def take(count: int) -> None:
            daemon.wait(lambda: len(list((song.muse / "commits").iterdir())) == count, f"commit {count}")

        take(1)
        with hold_lock(str(song.muse)):
            (song.root / "verse.txt").write_text("lala")
            trouble = daemon.follow(lambda state: next((item.trouble for item in state.repositories.values()), None))
            assert (trouble.code, trouble.retryable) == ("busy", True)
        take(2)
        daemon.follow(lambda state: all(item.trouble is None for item in state.repositories.values()))
        assert daemon.log.count("looked at again and again") == 1


def test_without_a_branch_the_trouble_is_said_and_nothing_is_committed(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "detached")
    head = song.commit({"a": b"one"})
    (song.muse / "HEAD").write_text(f"commit: {head}\n")
    (song.root / "b").write_text("two")
    begin(daemon, hub, song)
    trouble = daemon.follow(lambda state: next((view.trouble for view in state.repositories.values()), None))
    assert "no branch is checked out" in trouble.message
    assert len(list((song.muse / "commits").iterdir())) == 1
    (song.muse / "HEAD").write_text("ref: refs/heads/main\n")
    daemon.wait(lambda: len(list((song.muse / "commits").iterdir())) == 2, "a commit")


def find_stopped(state: State) -> RepositoryView | None:
    return next((view for view in state.repositories.values() if view.state == "stopped" and view.trouble), None)


@contextmanager
def written_without_end(path: Path) -> Iterator[None]:
    """The file is written again and again, as a log is."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.wait(0.2):
            number += 1
            path.write_text(f"line {number}\n")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        stop.set()
        writing.join()


def test_what_cannot_be_recorded_is_told_and_neither_it_nor_a_file_without_rest_keeps_the_rest_from_being_safe(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "restless")
    (song.root / ".museignore").write_text('[global]\npatterns = ["*.log"]\n')
    for number in range(12):
        (song.root / f"{number}.txt").write_text(f"verse {number}")
    daemon.sign_in(hub)
    daemon.config.parent.mkdir(parents=True)
    # Ten times as long, when it is recorded in any case, is longer than this test waits.
    daemon.config.write_text("\ufeff[daemon]\nsnapshot_quiet_seconds = 7\n")
    daemon.client.post("reload")

    def arrived(name: str, content: bytes | None = None) -> str | None:
        head = heads(hub, "restless").get("main")
        there = head and manifest(song, head).get(name)
        return head if there and (content is None or there == hash_object(content)) else None

    with written_without_end(song.root / "x.log"):
        daemon.watch(song.root, snapshot_on_change=True)
        (song.root / "a:b").write_text("x")
        (song.root / "c:d").write_text("y")
        daemon.wait(lambda: arrived("11.txt"), "what can be recorded")
        view = daemon.follow(find_stopped)
        assert (view.safe, view.trouble.details["count"]) == (False, 2)
        assert all(name in view.trouble.message for name in ("a:b", "c:d"))
    for name in ("a:b", "c:d"):
        (song.root / name).unlink()
    daemon.config.write_text("\ufeff" + daemon.config.read_text().replace("= 7", "= 1"))
    daemon.wait_safe()
    with written_without_end(song.root / "take.txt"):
        (song.root / "new.txt").write_text("new")
        daemon.wait(lambda: arrived("new.txt"), "a commit of what is never quiet")
    daemon.wait(lambda: arrived("take.txt", (song.root / "take.txt").read_bytes()), "the last take")
    daemon.wait_safe()
    before = heads(hub, "restless")
    for number in range(12):
        (song.root / f"{number}.txt").write_bytes(b"")
    view = daemon.follow(find_stopped)
    assert not view.safe and "12 are suddenly empty" in view.trouble.message
    assert heads(hub, "restless") == before == {"main": song.muse.joinpath("refs/heads/main").read_text().strip()}
    for number in range(12):
        (song.root / f"{number}.txt").write_text(f"verse {number}")
    daemon.wait_safe()
