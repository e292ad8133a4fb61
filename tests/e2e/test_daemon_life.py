"""The daemon as a process: told to systemd, the only one, reloaded, ended within seconds, its log rotated."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import HubProcess
from tests.helpers.line import Line
from tests.helpers.watched import heads, make_repository, moves

__all__ = ["daemon"]
WAIT_S = 60.0


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def hear(listener: socket.socket) -> str:
    """The next thing that systemd is told, but for being told that the loop goes round."""
    while (said := hear_all(listener)) == "WATCHDOG=1":
        pass
    return said


def hear_all(listener: socket.socket) -> str:
    assert select.select([listener], [], [], WAIT_S)[0], "nothing was told"
    return listener.recv(4096).decode()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_when_it_is_ready_lives_reloads_and_stops(abstract: bool) -> None:
    process = DaemonProcess()
    try:
        address = f"\0museui-test-{os.getpid()}" if abstract else str(process.folder / "notify")
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
            listener.bind(address)
            process.variables |= {"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "200000"}
            process.start(wait=False)
            assert hear(listener) == "READY=1"
            assert [hear_all(listener) for _ in range(3)] == ["WATCHDOG=1"] * 3
            assert process.client.get("version")["pid"] == process.pid
            os.kill(process.pid, signal.SIGHUP)
            assert hear(listener).startswith("RELOADING=1\nMONOTONIC_USEC=")
            assert hear(listener) == "READY=1"
            assert process.stop() == 0
            assert hear(listener) == "STOPPING=1"
    finally:
        process.close()


def test_a_socket_of_systemd_that_is_gone_keeps_it_from_nothing() -> None:
    process = DaemonProcess()
    try:
        process.variables["NOTIFY_SOCKET"] = str(process.folder / "gone")
        process.start()
        assert process.stop() == 0
        assert "systemd could not be told" in process.log
    finally:
        process.close()


def test_a_second_daemon_says_that_one_runs_and_ends(daemon: DaemonProcess) -> None:
    second = daemon.museui("daemon", "run", expect=3)
    assert "a daemon runs already" in second.stderr
    assert daemon.client.get("version")["pid"] == daemon.pid


def test_sighup_reads_the_configuration_again_and_a_bad_one_changes_nothing(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "reloaded")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    good = daemon.config.read_text()
    daemon.config.write_text("[daemon]\nparallel_pushes = 7\n" + good)
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.follow(lambda state: state.daemon["daemon"].parallel_pushes == 7)
    daemon.wait(lambda: "the configuration was read again" in daemon.log, "the reload")
    daemon.config.write_text("[daemon\n")
    os.kill(daemon.pid, signal.SIGHUP)
    trouble = daemon.follow(lambda state: state.daemon["daemon"].troubles)
    assert str(daemon.config) in trouble[0].message
    assert len(daemon.client.get("repositories")["repositories"]) == 1


def test_restart_is_another_process(daemon: DaemonProcess) -> None:
    document = daemon.json("daemon", "restart")
    try:
        assert document["stopped"] is True
        assert document["pid"] != daemon.pid
        assert daemon.wait_ended() == 0
    finally:
        assert daemon.json("daemon", "stop") == {"ok": True, "stopped": True}
        daemon.start()


def test_sigterm_parks_a_push_on_a_slow_line_within_seconds(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    with Line(hub.port) as line:
        daemon.sign_in(hub, port=line.port)
        song = make_repository(tmp_path, f"{line.url}/{hub.owner}/slow", "slow")
        head = song.commit({f"{number}": os.urandom(200_000) for number in range(20)})
        line.bytes_per_s = 50_000
        daemon.watch(song.root)
        daemon.follow(lambda state: any(push.bytes_per_s for push in state.pushes.values()))
        began_s = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began_s < 20, "systemd would have killed it"
        assert "parked" in daemon.log
        line.bytes_per_s = None
        daemon.start().wait_safe()
    assert heads(hub, "slow") == {"main": head}
    assert moves(hub, "slow") == [head]
    assert daemon.litter == []


def test_the_log_rotates_and_is_for_its_user_alone(daemon: DaemonProcess) -> None:
    daemon.stop()
    path = daemon.data / "daemon.log"
    path.write_bytes(b"x" * ((2 << 20) - 10) + b"\n")
    daemon.start()
    rotated = daemon.data / "daemon.log.1"
    daemon.wait(rotated.exists, "the rotated log")
    assert path.stat().st_size < 100_000
    assert [item.stat().st_mode & 0o777 for item in (path, rotated)] == [0o600, 0o600]
