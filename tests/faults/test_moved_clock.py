"""Somebody puts the machine's clock a day forward or back, under the hub and the daemon: what waits does not notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.local.state import State
from tests.helpers.clock import MachineClock
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.line import Line
from tests.helpers.watched import heads, make_repository, moves

DAY_S = 86400.0


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> MachineClock:
    return MachineClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def hub(clock: MachineClock) -> Iterator[HubProcess]:
    with HubProcess(environment=clock.variables) as process:
        yield process


@pytest.fixture
def daemon(clock: MachineClock) -> Iterator[DaemonProcess]:
    clock.move(0.0)
    daemon = DaemonProcess()
    daemon.variables |= clock.variables
    with daemon:
        daemon.config.parent.mkdir(parents=True, exist_ok=True)
        configure(daemon, 60)
        yield daemon


def configure(daemon: DaemonProcess, stall_s: int) -> None:
    watched = daemon.config.read_text().partition("[[")[1:] if daemon.config.exists() else ()
    settings = f"[daemon]\nstall_seconds = {stall_s}\n[notify]\ncommand = ['true']\ndesktop = false\n"
    daemon.config.write_text(settings + "".join(watched))
    daemon.client.post("reload")


def wait_until_noticed(daemon: DaemonProcess, what: str) -> None:
    """It looks twice a minute; whatever changes has it look at once."""
    daemon.client.post("reload")
    daemon.follow(lambda state: any(f"clock was put {what}" in line.message for line in state.log.values()))


def states(state: State) -> dict[str, str]:
    return {view.name: view.state for view in state.repositories.values()}


@pytest.mark.parametrize(("by_s", "way"), [(DAY_S, "forward by 1 d"), (-DAY_S, "back by 1 d")], ids=["forward", "back"])
def test_a_push_on_its_way_goes_on_and_one_that_waits_is_tried_again(
    hub: HubProcess, daemon: DaemonProcess, clock: MachineClock, tmp_path: Path, by_s: float, way: str
) -> None:
    slug = way.partition(" ")[0]
    with Line(hub.port) as line:
        daemon.sign_in(hub, port=line.port)
        song = make_repository(tmp_path, f"{line.url}/{hub.owner}/{slug}", slug)
        first = song.commit({f"{number}": os.urandom(5_000) for number in range(600)})
        line.hold(after_bytes=1_000_000)
        daemon.watch(song.root)
        daemon.wait(lambda: line.held, "the middle of the transfer")
        clock.move(by_s)
        wait_until_noticed(daemon, way)
        line.release()
        daemon.wait_safe()
        assert [(push["result"], push["tries"]) for push in daemon.client.get("pushes")["pushes"]] == [("done", 1)]

        configure(daemon, 1)
        line.hold(after_bytes=500_000)
        second = song.commit({"a": os.urandom(1_000_000)})
        daemon.follow(lambda state: any(entry.tries for entry in state.queue.values()))
        clock.move(2 * by_s)
        line.cut()
        line.release()
        daemon.wait_safe()
    assert sorted(moves(hub, slug)) == sorted([first, second]), "the hub sorts by its clock, which was moved too"
    assert daemon.litter == []


def test_a_pause_ends_by_the_time_of_day_and_nobody_is_told_of_hours_that_have_not_passed(
    hub: HubProcess, daemon: DaemonProcess, clock: MachineClock, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    paused, refused = (make_repository(tmp_path, hub, slug) for slug in ("paused", "refused"))
    paused.commit({"a": b"one"})
    refused.commit({"a": b"one"})
    (refused.muse / "objects").rename(refused.muse / "objects-away")
    view = daemon.watch(refused.root, paused.root)
    daemon.wait_safe(paused.root)
    daemon.follow(lambda state: states(state)["refused"] == "stopped")
    since = daemon.client.get("repositories")["repositories"]
    (unsafe_since,) = (item["unsafe_since"] for item in since if item["name"] == "refused")
    daemon.client.post(f"repositories/{view['id']}/pause", {"for_s": 3600.0})
    head = paused.commit({"a": b"two"})
    daemon.follow(lambda state: states(state)["paused"] == "paused" and state.queue)

    clock.move(-DAY_S)
    wait_until_noticed(daemon, "back by 1 d")
    assert states_now(daemon)["paused"] == "paused"
    clock.move(7200.0)
    daemon.client.post("reload")
    daemon.wait_safe(paused.root)
    assert heads(hub, "paused") == {"main": head}
    now = next(item for item in daemon.client.get("repositories")["repositories"] if item["name"] == "refused")
    assert now["unsafe_since"] == pytest.approx(unsafe_since + 7200.0, abs=1.0)
    assert daemon.client.get("deliveries")["deliveries"] == []


def states_now(daemon: DaemonProcess) -> dict[str, str]:
    return {view["name"]: view["state"] for view in daemon.client.get("repositories")["repositories"]}


def test_a_daemon_that_slept_goes_on_where_it_was(
    hub: HubProcess, daemon: DaemonProcess, clock: MachineClock, tmp_path: Path
) -> None:
    with Line(hub.port) as line:
        daemon.sign_in(hub, port=line.port)
        line.bytes_per_s = 4_000_000
        song = make_repository(tmp_path, f"{line.url}/{hub.owner}/slept", "slept")
        head = song.commit({f"{number}": os.urandom(10_000) for number in range(600)})
        daemon.watch(song.root)
        daemon.wait(lambda: line.passed_bytes > 1_000_000, "the middle of the transfer")
        os.kill(daemon.pid, signal.SIGSTOP)
        line.cut()
        clock.move(DAY_S / 3)
        later = song.commit({"a": b"made while it slept"})
        os.kill(daemon.pid, signal.SIGCONT)
        daemon.wait_safe()
    assert heads(hub, "slept") == {"main": later}
    assert moves(hub, "slept") in ([later], [head, later])
