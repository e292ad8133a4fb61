"""The verbs that speak to the daemon, as a person or a script runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from museui.local.state import State
from tests.helpers.daemon import DaemonProcess
from tests.helpers.watched import make_repository
from tests.helpers.workload import RepositoryBuilder

NOWHERE = "http://127.0.0.1:9/ada/song"
"""Where nothing listens."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    with DaemonProcess() as process:
        yield process


@pytest.fixture
def song(daemon: DaemonProcess, tmp_path: Path) -> Iterator[RepositoryBuilder]:
    made = make_repository(tmp_path, NOWHERE, "song")
    made.commit({"a": b"one"})
    yield made
    for view in daemon.client.get("repositories")["repositories"]:
        daemon.client.ask("DELETE", f"repositories/{view['id']}")


def test_without_a_daemon_one_sentence_says_how_to_start_it(tmp_path: Path) -> None:
    idle = DaemonProcess()
    try:
        for arguments in (("watch", "list"), ("queue", "list"), ("history",), ("daemon", "deliveries")):
            said = idle.museui(*arguments, expect=3).stderr
            assert said == "error: the daemon does not run\nhint: Start it: museui daemon start\n"
        assert idle.json("daemon", "status", expect=1) == {"ok": True, "running": False}
        assert idle.json("daemon", "stop") == {"ok": True, "stopped": False}
        started = idle.json("daemon", "start")
        try:
            assert (started["ok"], started["started"], started["api"]) == (True, True, 1)
            assert idle.json("daemon", "start")["started"] is False
            assert idle.json("daemon", "status")["pid"] == started["pid"]
            first = idle.museui("daemon", "logs").stdout
            assert "looking after 0 repositories" in first
            assert idle.json("daemon", "logs", "-n", "1")["lines"] == first.splitlines()[-1:]
            nothing = idle.museui("history")
            assert (nothing.stdout, nothing.stderr) == ("", "nothing was pushed yet\n")
        finally:
            assert idle.json("daemon", "stop") == {"ok": True, "stopped": True}
    finally:
        idle.close()


def test_where_it_is_pushed_stands_in_the_repository_itself(daemon: DaemonProcess, tmp_path: Path) -> None:
    song, album, single = (RepositoryBuilder(tmp_path / name) for name in ("song", "album", "single"))
    for made in (song, album, single):
        made.commit({"a": b"one"})
    daemon.client.post("repositories", {"path": str(song.root), "remote": NOWHERE})  # as the terminal interface does
    daemon.client.post("repositories", {"path": str(album.root), "remote": NOWHERE + "2"})
    before = f'[[repositories]]\npath = "{single.root}"\nremote = "{NOWHERE}3"\n'  # as MuseUI 0.2 wrote it
    daemon.config.write_text(daemon.config.read_text() + before)
    daemon.follow(lambda state: str(single.root) in {view.path for view in state.repositories.values()})
    daemon.wait(lambda: "://" not in daemon.config.read_text(), "names in place of URLs")
    for made, url in ((song, NOWHERE), (album, NOWHERE + "2"), (single, NOWHERE + "3")):
        assert daemon.museui("-C", made.root, "remote", "list").stdout == f"origin\t{url}\n"
        assert "main → origin  ○ never pushed" in daemon.museui("-C", made.root, "status", expect=None).stdout
        assert "no remote" not in daemon.museui("-C", made.root, "push", "--no-daemon", expect=None).stderr
    views = {view["path"]: view for view in daemon.client.get("repositories")["repositories"]}
    view = views[str(song.root)]
    assert (view["remote"], view["wanted_remote"], view["url"]) == ("origin", "origin", NOWHERE)
    elsewhere = daemon.client.ask("PATCH", f"repositories/{view['id']}", {"remote": NOWHERE + "4"})["repository"]
    assert elsewhere["wanted_remote"] == "hub"
    listed = daemon.museui("-C", song.root, "remote", "list").stdout
    assert listed == f"origin\t{NOWHERE}\nhub\t{NOWHERE}4\n"
    for path in views:
        daemon.museui("watch", "remove", path)


def test_what_is_watched_is_listed_changed_and_removed(daemon: DaemonProcess, song: RepositoryBuilder) -> None:
    options = ("--branch", "main", "--snapshot-on-change", "--unsafe-after", "2h")
    view = daemon.json("watch", "add", song.root, *options)["repositories"][0]
    assert (view["watched_branches"], view["snapshot_on_change"]) == (["main"], True)
    (line,) = daemon.museui("watch", "list").stdout.splitlines()
    assert line.split("\t")[1:] == [str(song.root), "origin", "main", "snapshot-on-change unsafe-after=120m"]
    assert "unsafe_after_minutes = 120" in daemon.config.read_text()
    daemon.museui("watch", "add", song.root, "--no-snapshot-on-change", "--unsafe-after", "default")
    (line,) = daemon.museui("watch", "list").stdout.splitlines()
    assert line.split("\t")[1:] == [str(song.root), "origin", "main", "-"]
    assert "unsafe_after_minutes" not in daemon.config.read_text()
    (view,) = daemon.json("watch", "list")["repositories"]
    assert view["snapshot_on_change"] is False
    paused = daemon.json("watch", "pause", song.root, "--for", "2h")["repository"]
    assert paused["state"] == "paused" and paused["paused_until"] is not None
    (entry,) = daemon.json("queue", "list")["queue"]
    assert entry["reason"] == "paused"
    assert daemon.json("watch", "pause", song.root)["repository"]["paused_until"] is None
    assert daemon.json("watch", "resume", song.root)["repository"]["paused"] is False
    assert daemon.json("-C", song.root, "watch", "remove", ".")["removed"] == str(song.root)
    assert daemon.json("queue", "list") == {"ok": True, "queue": []}
    for arguments, said in (
        (("watch", "list"), "nothing is watched\n"),
        (("queue", "list"), "nothing waits\n"),
        (("daemon", "deliveries"), "nobody was told anything yet\n"),
    ):
        done = daemon.museui(*arguments)
        assert (done.stdout, done.stderr) == ("", said)


def test_a_branch_that_is_not_there_is_said_not_only_not_pushed(daemon: DaemonProcess, song: RepositoryBuilder) -> None:
    view = daemon.watch(song.root, branches=["mian"])
    assert (view["state"], view["branches"]) == ("empty", [])
    assert "no branch here is called mian" in view["trouble"]["message"] and "main" in view["trouble"]["hint"]
    assert "no branch here is called mian" in daemon.museui("status", song.root, expect=1).stdout
    assert daemon.watch(song.root, branches=["main"])["trouble"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("watch", "add", "/"),
        ("watch", "remove", "/"),
        ("watch", "pause", "SONG", "--for", "soon"),
        ("watch", "pause", "SONG", "--for", "0h"),
        ("watch", "add", "SONG", "--unsafe-after", "soon"),
        ("watch", "add", "SONG", "--unsafe-after", "90s"),
        ("watch", "add", "SONG", "--branch", "a..b"),
        ("watch", "add", "SONG", "--unsafe-after", "9999d"),
        ("daemon", "deliveries", "/"),
        ("watch", "add", "SONG", "--remote", "nowhere"),
        ("watch", "add", "SONG", "--remote", "ftp://x/y/z"),
        ("queue", "retry", "nothing"),
        ("queue", "cancel", "nothing"),
        ("history", "/"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    daemon: DaemonProcess, song: RepositoryBuilder, arguments: tuple[str, ...]
) -> None:
    daemon.watch(song.root)
    before = daemon.config.read_text()
    real = [str(song.root) if item == "SONG" else item for item in arguments]
    done = daemon.museui(*real, expect=None)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("error: ")
    assert daemon.config.read_text() == before


def test_the_queue_is_listed_cancelled_and_retried(daemon: DaemonProcess, song: RepositoryBuilder) -> None:
    daemon.watch(song.root)
    entry = daemon.wait_failed()
    assert entry.error and (entry.error.code, entry.state) == ("unreachable", "waiting")
    listed = daemon.museui("queue", "list").stdout
    assert "hub unreachable" in listed and entry.id in listed
    daemon.museui("queue", "cancel", song.root)
    resting = daemon.follow(lambda state: next((e for e in state.queue.values() if e.state == "cancelled"), None))
    assert resting.push is None
    daemon.museui("queue", "retry", entry.id)
    daemon.follow(lambda state: any(e.state == "waiting" and e.tries > entry.tries for e in state.queue.values()))
    assert daemon.json("queue", "retry")["retried"] == 1
    daemon.museui("queue", "cancel", entry.id)
    song.commit({"a": b"two"})
    daemon.follow(lambda state: any(e.state == "waiting" for e in state.queue.values()))


def test_a_night_offline_is_one_line_of_history(daemon: DaemonProcess, song: RepositoryBuilder) -> None:
    view = daemon.watch(song.root)

    def was_tried(state: State, times: int) -> bool:
        return any(push.tries >= times for push in state.history.values() if push.path == view["path"])

    for tries in range(1, 4):
        daemon.follow(partial(was_tried, times=tries))
        daemon.museui("queue", "retry", song.root)
    daemon.follow(partial(was_tried, times=4))
    (push,) = daemon.client.get(f"pushes?repository={view['id']}")["pushes"]
    assert (push["result"], push["error"]["code"]) == ("failed", "unreachable")
    assert push["tries"] >= 4
    (line,) = daemon.museui("history", song.root).stdout.splitlines()
    assert "times)" in line
    assert daemon.json("history", song.root, "--usual")["usual"] in ({}, {view["id"]: {}})


def test_the_status_says_what_the_daemon_does(daemon: DaemonProcess, song: RepositoryBuilder) -> None:
    assert daemon.json("status", song.root, expect=1)["daemon"]["repository"] is None
    daemon.watch(song.root)
    daemon.follow(lambda state: any(e.tries for e in state.queue.values()))
    document = daemon.json("status", song.root, expect=3)
    assert document["daemon"]["queue"][0]["reason"] == "hub unreachable"
    said = daemon.museui("status", song.root, expect=3).stdout
    assert "daemon: waiting" in said and "hub unreachable" in said
    daemon.museui("watch", "pause", song.root)
    daemon.museui("status", song.root, expect=1)
    daemon.museui("watch", "resume", song.root)
    daemon.museui("status", song.root, expect=3)
    song.commit({"a": b"other"}, branch="other")
    daemon.follow(lambda state: len(state.queue) == 2)
    daemon.museui("status", song.root, expect=3)
    daemon.museui("-C", song.root, "remote", "add", "second", f"{NOWHERE}-2")
    daemon.museui("status", song.root, expect=1)
    daemon.museui("-C", song.root, "remote", "remove", "second")
    daemon.museui("status", song.root, expect=3)
    daemon.museui("queue", "cancel", song.root)
    daemon.museui("status", song.root, expect=1)


def test_a_push_by_hand_that_fails_stays_queued_where_the_repository_is_watched(
    daemon: DaemonProcess, song: RepositoryBuilder
) -> None:
    failed = daemon.json("push", song.root, expect=3)
    assert failed["error"]["code"] == "unreachable"
    assert daemon.client.get("queue")["queue"] == []
    daemon.watch(song.root)
    assert daemon.json("push", song.root, expect=3)["error"]["retryable"] is True
    (entry,) = daemon.client.get("queue")["queue"]
    assert entry["state"] == "waiting"


@pytest.mark.parametrize(
    ("obstacle", "code", "said"),
    [
        ("data", 3, "the daemon cannot keep its files in"),
        ("socket", 3, "the daemon cannot have its socket in"),
        ("config", 2, "parallel_pushes is not a whole number"),
    ],
)
def test_a_daemon_that_cannot_start_says_why_in_a_sentence(obstacle: str, code: int, said: str) -> None:
    idle = DaemonProcess()
    try:
        blocked = {"data": idle.data, "socket": idle.socket.parent, "config": idle.config}[obstacle]
        blocked.parent.mkdir(parents=True, exist_ok=True)
        blocked.write_text('[daemon]\nparallel_pushes = "many"\n')
        told = idle.museui("daemon", "run", expect=code).stderr
        assert said in told and told.startswith("error: ") and "Traceback" not in told
        told = idle.museui("daemon", "start", expect=None).stderr
        assert told.startswith("error: ") and "Traceback" not in told
        assert told.count("hint: ") <= 1 and "hint: error" not in told
    finally:
        idle.close()


def test_a_full_disk_and_a_socket_path_that_is_too_long_are_named_by_who_starts_the_daemon() -> None:
    idle = DaemonProcess()
    try:
        start = [sys.executable, "-m", "museui", "daemon", "start"]
        full = subprocess.run(
            ["sh", "-c", 'ulimit -f 0; exec "$@"', "-", *start],
            cwd=idle.home,
            env=idle.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"the daemon cannot keep its files in {idle.data}: " in full.stderr and "Make room" in full.stderr
        long = {"XDG_RUNTIME_DIR": str(idle.folder / ("long" * 30))}
        for arguments in (("daemon", "start"), ("queue", "list")):
            said = idle.museui(*arguments, expect=None, **long)
            assert said.returncode != 0 and "the socket's path is too long" in said.stderr
            assert "hint: Set XDG_RUNTIME_DIR" in said.stderr
        checks = {check["name"]: check for check in idle.json("doctor", expect=1, **long)["checks"]}
        assert "the socket's path is too long" in checks["socket"]["message"] and not checks["socket"]["ok"]
    finally:
        idle.close()
