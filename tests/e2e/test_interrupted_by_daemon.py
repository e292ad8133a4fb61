"""Ctrl-C on a push through the daemon: what is said is what holds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import ROOT, HubProcess
from tests.helpers.line import Line
from tests.helpers.watched import heads, make_repository
from tests.helpers.workload import RepositoryBuilder

__all__ = ["daemon"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def line(hub: HubProcess) -> Iterator[Line]:
    with Line(hub.port) as line:
        yield line


def make_song(tmp_path: Path, daemon: DaemonProcess, hub: HubProcess, line: Line, slug: str) -> RepositoryBuilder:
    daemon.sign_in(hub, port=line.port)
    song = make_repository(tmp_path, f"{line.url}/{hub.owner}/{slug}", slug)
    song.commit({"take.wav": os.urandom(3_000_000)})
    line.hold(after_bytes=1_000_000)
    return song


def push(daemon: DaemonProcess, song: RepositoryBuilder, *options: str) -> subprocess.Popen[str]:
    """A push through the daemon that is on its way and stands still."""
    command = [sys.executable, "-W", "error", "-m", "museui", "push", str(song.root), *options]
    process = subprocess.Popen(
        command, cwd=ROOT, env=daemon.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    daemon.wait(lambda: transferring(daemon) and has_socket(process.pid), "a transfer that somebody waits for")
    return process


def has_socket(pid: int) -> bool:
    """Whether the process is connected: it is to nobody but the daemon."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return any(link.startswith("socket:") for link in found)


def transferring(daemon: DaemonProcess) -> bool:
    pushes = daemon.client.get("state")["pushes"].values()
    return any(phase["name"] == "transfer" for push in pushes for phase in push["phases"])


def interrupt(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_push_that_nobody_else_wants_is_ended(
    daemon: DaemonProcess, hub: HubProcess, line: Line, tmp_path: Path, number: signal.Signals
) -> None:
    slug = f"alone-{number.name}"
    song = make_song(tmp_path, daemon, hub, line, slug)
    code, out, err = interrupt(push(daemon, song), number)
    assert (code, out, err) == (130, "", "error: interrupted; the push was ended")
    assert daemon.client.get("state")["pushes"] == {} and daemon.client.get("queue")["queue"] == []
    line.release()
    assert heads(hub, slug) == {}
    assert json.loads(daemon.museui("push", song.root, "--json").stdout)["ok"] is True


def test_a_push_that_the_daemon_would_do_anyway_goes_on_and_is_said_to(
    daemon: DaemonProcess, hub: HubProcess, line: Line, tmp_path: Path
) -> None:
    song = make_song(tmp_path, daemon, hub, line, "watched")
    daemon.watch(song.root)
    code, out, err = interrupt(push(daemon, song))
    assert (code, out) == (130, "")
    assert err.startswith("error: interrupted; the daemon goes on with the push\nhint: ")
    line.release()
    daemon.wait_safe(song.root)
    assert heads(hub, "watched") == song.heads


def test_a_push_of_a_paused_repository_is_ended_and_waits_for_the_end_of_the_pause(
    daemon: DaemonProcess, hub: HubProcess, line: Line, tmp_path: Path
) -> None:
    song = make_song(tmp_path, daemon, hub, line, "paused")
    line.release()
    daemon.watch(song.root)
    daemon.wait_safe(song.root)
    daemon.museui("watch", "pause", song.root)
    song.commit({"take.wav": os.urandom(3_000_000)})
    line.hold(after_bytes=1_000_000)
    code, _, err = interrupt(push(daemon, song))
    assert (code, err) == (130, "error: interrupted; the push was ended")
    (entry,) = daemon.client.get("queue")["queue"]
    assert (entry["state"], entry["reason"]) == ("waiting", "paused")
    line.release()
    daemon.museui("watch", "resume", song.root)
    daemon.wait_safe(song.root)


def test_a_push_that_another_waits_for_goes_on(
    daemon: DaemonProcess, hub: HubProcess, line: Line, tmp_path: Path
) -> None:
    song = make_song(tmp_path, daemon, hub, line, "two")
    line.release()
    line.bytes_per_s = 300_000
    body = {"path": str(song.root), "branch": "main"}
    first, second = (daemon.client.stream("POST", "pushes", body) for _ in range(2))
    for events in (first, second):
        assert next(events)["event"] in ("started", "progressed", "ended")
    assert daemon.client.post("pushes/leave", body) == {"goes_on": True, "document": None}
    line.bytes_per_s = None
    result = next(event for event in second if event["event"] == "result")
    assert result["document"]["ok"] is True


def test_nothing_is_left_of_a_push_that_was_over(daemon: DaemonProcess, hub: HubProcess, tmp_path: Path) -> None:
    song = make_repository(tmp_path, hub, "over")
    song.commit({"a": b"a"})
    body = {"path": str(song.root), "branch": "main"}
    assert daemon.client.post("pushes/leave", body) == {"goes_on": False, "document": None}


def test_an_interrupt_is_a_document_with_json(
    daemon: DaemonProcess, hub: HubProcess, line: Line, tmp_path: Path
) -> None:
    song = make_song(tmp_path, daemon, hub, line, "document")
    code, out, err = interrupt(push(daemon, song, "--json"))
    error = json.loads(out)["error"]
    assert (code, err, error["code"], error["message"]) == (130, "", "interrupted", "interrupted; the push was ended")
    line.release()
