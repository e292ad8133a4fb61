"""Commits made by writing files, as the published client does, are on the hub a moment later, each exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.core.phases import PHASES
from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import HubProcess
from tests.helpers.watched import heads, make_repository, moves

__all__ = ["daemon"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def test_a_commit_is_on_the_hub_a_moment_later(daemon: DaemonProcess, hub: HubProcess, tmp_path: Path) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "moment")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    second = song.commit({"a": b"two"})
    daemon.follow(lambda state: any(push.head == second and push.result == "done" for push in state.history.values()))
    assert heads(hub, "moment") == {"main": second}
    for push in daemon.client.get("pushes")["pushes"]:
        assert [(phase["name"], phase["state"]) for phase in push["phases"]] == [(name, "done") for name in PHASES]
    assert daemon.litter == []
    storage = daemon.client.get(f"hubs/storage?base={hub.url}")["storage"]
    assert storage["repositories"]["ada/moment"] == 6


def test_commits_in_many_repositories_and_branches_all_arrive_exactly_once(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    made = [make_repository(tmp_path, hub, f"many-{number}") for number in range(5)]
    for builder in made:
        builder.commit({"a": builder.root.name.encode()})
    daemon.watch(*(builder.root for builder in made))
    for turn in range(6):
        for builder in made:
            builder.commit({"a": b"%d" % turn, "b": builder.root.name.encode()})
            builder.commit({"c": b"%d" % turn}, branch="sub/take" if turn % 2 else "take")
    wanted = {builder.root.name: builder.heads for builder in made}
    daemon.follow(
        lambda state: all(
            {branch.branch: branch.hub_head for branch in view.branches} == wanted[view.name] and view.state == "safe"
            for view in state.repositories.values()
        )
    )
    for slug, branches in wanted.items():
        assert heads(hub, slug) == branches
        arrived = moves(hub, slug)
        assert len(arrived) == len(set(arrived))


def test_what_was_committed_while_the_daemon_was_off_is_found_at_its_start(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "off")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    assert daemon.stop() == 0
    assert not daemon.socket.exists()
    head = song.commit({"a": b"two"})
    daemon.start().wait_safe()
    assert heads(hub, "off") == {"main": head}


def test_a_hub_that_was_away_gets_everything_when_it_is_back(daemon: DaemonProcess, tmp_path: Path) -> None:
    with HubProcess() as hub:
        daemon.sign_in(hub)
        song = make_repository(tmp_path, hub, "away")
        song.commit({"a": b"one"})
        daemon.watch(song.root)
        daemon.wait_safe()
        hub.stop()
        song.commit({"a": b"two"})
        waiting = daemon.follow(
            lambda state: next((item for item in state.queue.values() if item.reason == "hub unreachable"), None)
        )
        assert waiting.state == "waiting"
        head = song.commit({"a": b"three"})
        hub.start()
        daemon.wait_safe()
        assert heads(hub, "away") == {"main": head}
        assert moves(hub, "away")[-1] == head
        assert len(moves(hub, "away")) == 2


def test_museui_push_goes_through_the_daemon_with_the_same_answer(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "through")
    head = song.commit({"a": b"one"})
    document = daemon.json("push", song.root)
    assert document["ok"] is True
    assert document["head"] == f"sha256:{head}"
    assert next(phase["name"] for phase in document["phases"]) == "negotiate"
    (push,) = daemon.client.get("pushes")["pushes"]
    assert (push["head"], push["result"], push["push_id"]) == (head, "done", document["push_id"])
    assert daemon.client.get("queue") == {"queue": []}
    again = daemon.json("push", song.root)
    assert (again["up_to_date"], again["requests"]) == (True, 1)
    assert set(again) == set(daemon.json("push", song.root, "--no-daemon"))


def test_a_failure_through_the_daemon_has_the_exit_code_it_has_without(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "denied")
    song.commit({"a": b"one"})
    without = daemon.json("push", song.root, "--no-daemon", expect=5)
    assert daemon.json("push", song.root, expect=5)["error"] == without["error"]
    assert daemon.client.get("queue") == {"queue": []}


def test_a_token_that_comes_later_wakes_what_was_refused(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "later")
    head = song.commit({"a": b"one"})
    daemon.sign_in(hub, "muse_" + "x" * 40)
    daemon.watch(song.root)
    entry = daemon.follow(lambda state: next((item for item in state.queue.values() if item.state == "stopped"), None))
    assert entry.error.code == "unauthorized"
    daemon.sign_in(hub)
    daemon.wait_safe()
    assert heads(hub, "later") == {"main": head}


def test_a_token_that_came_while_the_daemon_was_off_is_used_at_its_start(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "renewed")
    head = song.commit({"a": b"one"})
    daemon.sign_in(hub, "muse_" + "x" * 40)
    daemon.watch(song.root)
    daemon.follow(lambda state: any(item.state == "stopped" for item in state.queue.values()))
    daemon.stop()
    daemon.sign_in(hub)
    daemon.start().wait_safe()
    assert heads(hub, "renewed") == {"main": head}
