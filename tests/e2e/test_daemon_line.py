"""A line that stands still, one that is kept slow, and hours at which nothing is pushed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import HubProcess
from tests.helpers.line import Line
from tests.helpers.watched import heads, make_repository, moves

__all__ = ["daemon"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def configure(daemon: DaemonProcess, **settings: object) -> None:
    """Put settings into the configuration, and wait until they hold."""
    rest = daemon.config.read_text() if daemon.config.exists() else ""
    lines = [f"{name} = {value if isinstance(value, int) else repr(value)}\n" for name, value in settings.items()]
    daemon.config.parent.mkdir(parents=True, exist_ok=True)
    daemon.config.write_text("[daemon]\n" + "".join(lines) + rest.partition("[[")[1] + rest.partition("[[")[2])
    daemon.client.post("reload")


@pytest.mark.parametrize("kind", ["stream", "bundle"])
def test_a_line_that_stands_still_is_cut_and_the_push_tried_again(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path, kind: str
) -> None:
    configure(daemon, stall_seconds=1)
    count = 700 if kind == "bundle" else 3
    with Line(hub.port) as line:
        daemon.sign_in(hub, port=line.port)
        song = make_repository(tmp_path, f"{line.url}/{hub.owner}/stalled-{kind}", "stalled")
        head = song.commit({f"{number}": os.urandom(3_000_000 // count) for number in range(count)})
        line.hold(after_bytes=1_000_000)
        daemon.watch(song.root)
        entry = daemon.wait_failed()
        assert entry.error and entry.error.retryable
        assert "stands still" in daemon.log
        line.cut()
        line.release()
        daemon.wait_safe()
    assert heads(hub, f"stalled-{kind}") == {"main": head}
    assert moves(hub, f"stalled-{kind}") == [head]
    assert daemon.litter == []
    done = daemon.client.get("pushes")["pushes"][0]
    assert (done["result"], done["strategy"]) == ("done", kind)


def test_what_is_sent_keeps_the_limit(daemon: DaemonProcess, hub: HubProcess, tmp_path: Path) -> None:
    configure(daemon, upload_limit="1 MB/s")
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "limited")
    song.commit({"a": os.urandom(2_000_000)})
    daemon.watch(song.root)
    daemon.wait_safe()
    (push,) = daemon.client.get("pushes")["pushes"]
    transfer = next(phase for phase in push["phases"] if phase["name"] == "transfer")
    assert transfer["seconds"] >= 1.7, "all but the last piece had to wait"


def test_outside_its_hours_nothing_is_pushed_unless_a_person_asks(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    now = time.localtime()
    hours = f"{(now.tm_hour + 2) % 24:02}:00-{(now.tm_hour + 3) % 24:02}:00"
    configure(daemon, push_between=hours)
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "at-night")
    first = song.commit({"a": b"one"})
    daemon.watch(song.root)
    entry = daemon.follow(lambda state: next(iter(state.queue.values()), None))
    assert (entry.state, entry.reason) == ("waiting", f"only pushed {hours}")
    assert daemon.json("push", song.root)["head"] == f"sha256:{first}"
    second = song.commit({"a": b"two"})
    daemon.follow(lambda state: any(item.head == second for item in state.queue.values()))
    assert heads(hub, "at-night") == {"main": first}
    configure(daemon)
    daemon.wait_safe()
    assert heads(hub, "at-night") == {"main": second}


def test_whoever_waits_for_a_push_that_is_cancelled_hears_so(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    with Line(hub.port) as line, ThreadPoolExecutor() as threads:
        daemon.sign_in(hub, port=line.port)
        song = make_repository(tmp_path, f"{line.url}/{hub.owner}/waited", "waited")
        for branch in ("main", "other"):
            song.commit({"a": branch.encode()}, branch=branch)
        line.hold()
        daemon.watch(song.root, branches=["main"])
        daemon.follow(lambda state: state.pushes)
        pushed = threads.submit(daemon.museui, "push", song.root, "--branch", "other", expect=3)
        entry = daemon.follow(lambda state: next((e for e in state.queue.values() if e.branch == "other"), None))
        assert (entry.state, entry.push) == ("waiting", None)
        daemon.museui("queue", "cancel", entry.id)
        assert "taken out of the queue" in pushed.result().stderr
        line.release()
        daemon.wait_safe()


def test_pushes_that_follow_each_other_share_a_connection_as_long_as_it_holds(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    with Line(hub.port) as line:
        daemon.sign_in(hub, port=line.port)
        song = make_repository(tmp_path, f"{line.url}/{hub.owner}/shared", "shared")
        song.commit({"a": b"0"})
        daemon.watch(song.root)

        def push(number: int) -> None:
            head = song.commit({"a": b"%d" % number})
            daemon.wait(lambda: heads(hub, "shared") == {"main": head}, "the commit")

        push(1)
        first = line.accepted
        for number in range(2, 6):
            push(number)
        # Where branches are may be asked beside a push, by a connection of its own.
        shared = line.accepted
        assert first <= shared <= first + 1
        line.cut()
        push(6)
        assert shared < line.accepted <= first + 2, "one that is gone is made anew, and the push does not fail for it"
        daemon.sign_in(hub, "muse_" + "x" * 40, port=line.port)
        song.commit({"a": b"7"})
        daemon.wait(lambda: any(e["state"] == "stopped" for e in daemon.client.get("queue")["queue"]), "a refusal")
        daemon.sign_in(hub, port=line.port)
        daemon.wait(lambda: heads(hub, "shared") == song.heads, "the commit")
        assert first + 2 <= line.accepted <= first + 4, "those of a push that failed are not used again"
        assert {push["result"] for push in daemon.client.get("pushes")["pushes"]} == {"done", "failed"}
        assert [push["error"]["code"] for push in daemon.client.get("pushes")["pushes"] if push["error"]] == [
            "unauthorized"
        ]
