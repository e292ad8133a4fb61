"""What goes wrong between a daemon and its hub: cut lines, revoked tokens, killed hubs. Everything arrives, once."""

from __future__ import annotations

import os
import random
import resource
from pathlib import Path

import pytest

from museui.core.limits import Limits
from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import HubProcess, hub
from tests.helpers.line import Line
from tests.helpers.watched import heads, make_repository, moves

__all__ = ["daemon", "hub"]

LARGE = {f"{number}.bin": os.urandom(20_000) for number in range(60)}
"""More than a megabyte that does not compress: a bundle, and a PUT that takes more than one piece."""


@pytest.mark.parametrize("after", [1, 600_000], ids=["at its first byte", "in the middle of the upload"])
def test_a_line_that_is_cut_is_tried_again_and_everything_arrives(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path, after: int
) -> None:
    with Line(hub.port) as line:
        daemon.sign_in(hub, port=line.port)
        song = make_repository(tmp_path, f"{line.url}/ada/cut", "cut")
        head = song.commit(LARGE)
        line.cut(after, times=2)
        daemon.watch(song.root)
        daemon.wait_safe()
        assert line.cuts == 2
    assert heads(hub, "cut") == {"main": head}
    assert moves(hub, "cut") == [head]
    assert daemon.litter == []
    results = [push["result"] for push in daemon.client.get("pushes")["pushes"]]
    assert results.count("failed") == 1 and results.count("done") == 1


def test_a_revoked_token_stops_with_the_reason_and_a_new_one_goes_on(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "revoked")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    other = hub.command("token", "create", "ada")
    token_id = hub.token.split("_")[1]
    hub.command("token", "revoke", token_id)
    song.commit({"a": b"two"})
    entry = daemon.follow(lambda state: next((e for e in state.queue.values() if e.state == "stopped"), None))
    assert (entry.error.code, entry.tries) == ("unauthorized", 1)
    head = song.commit({"a": b"three"})
    daemon.follow(lambda state: any(e.head == head and e.state == "stopped" for e in state.queue.values()))
    daemon.sign_in(hub, other)
    daemon.wait_safe()
    hub.token = other
    assert heads(hub, "revoked") == {"main": head}


def test_a_token_renewed_while_a_push_with_the_old_one_is_on_its_way_is_used_at_once(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    with Line(hub.port) as line:
        daemon.sign_in(hub, port=line.port)
        song = make_repository(tmp_path, f"{line.url}/ada/renewed", "renewed")
        song.commit({"a": b"one"})
        daemon.watch(song.root)
        daemon.wait_safe()
        fresh = hub.command("token", "create", "ada")
        hub.command("token", "revoke", hub.token.split("_")[1])
        line.hold()
        head = song.commit({"a": b"two"})
        daemon.follow(lambda state: any(entry.state == "pushing" for entry in state.queue.values()))
        hub.token, hub.owner = fresh, "another name, which tells when it has been read"
        daemon.sign_in(hub, port=line.port)
        daemon.follow(lambda state: any(item.user == hub.owner for item in state.hubs.values()))
        hub.owner = "ada"
        line.release()
        daemon.wait_safe()
        refused = next(push for push in daemon.client.get("pushes")["pushes"] if push["result"] == "failed")
        assert refused["error"]["code"] == "unauthorized"
    assert heads(hub, "renewed") == {"main": head}


def test_a_branch_that_somebody_else_moved_stops_and_is_never_overwritten(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "diverged")
    first = song.commit({"a": b"one"})
    daemon.watch(song.root)
    daemon.wait_safe()
    daemon.museui("watch", "pause", song.root)
    theirs = song.commit({"a": b"theirs"}, parents=[first])
    daemon.museui("push", song.root, "--no-daemon")
    tracking = song.muse / "remotes" / "origin" / "main"
    assert tracking.read_text() == theirs
    song.commit({"a": b"ours"}, parents=[first])
    tracking.write_text(first)
    daemon.museui("watch", "resume", song.root)
    entry = daemon.follow(lambda state: next((e for e in state.queue.values() if e.state == "stopped"), None))
    assert entry.error.code == "non_fast_forward"
    assert heads(hub, "diverged") == {"main": theirs}
    daemon.museui("push", song.root, "--force-with-lease=" + theirs)
    daemon.wait_safe()


def test_commits_faster_than_pushes_while_both_sides_are_killed_end_at_the_newest_head(tmp_path: Path) -> None:
    dice = random.Random(5)
    with HubProcess() as hub, DaemonProcess() as daemon:
        daemon.sign_in(hub)
        made = [make_repository(tmp_path, hub, f"soak-{number}") for number in range(3)]
        for builder in made:
            builder.commit({"a": builder.root.name.encode()})
        daemon.watch(*(builder.root for builder in made))
        for turn in range(4):
            for _ in range(15):
                builder = dice.choice(made)
                builder.commit({"a": dice.randbytes(500), "b": b"%d" % turn}, branch=dice.choice(("main", "side")))
            if turn % 2:
                daemon.kill()
                daemon.start()
            else:
                hub.kill()
                hub.start()
        daemon.wait_safe(*(builder.root for builder in made))
        for builder in made:
            slug = builder.root.name
            assert heads(hub, slug) == builder.heads
            assert len(moves(hub, slug)) == len(set(moves(hub, slug)))
        assert daemon.litter == []
        assert daemon.client.get("queue") == {"queue": []}


def test_a_bundle_there_is_no_room_for_waits_for_room_and_is_pushed_then(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    """Files may not grow beyond half of what is to be packed: a full disk, without one."""
    daemon.sign_in(hub)
    song = make_repository(tmp_path, hub, "roomy")
    many = Limits().stream_max_objects + 100  # a stream would be packed in memory
    head = song.commit({f"{number}.bin": os.urandom(2000) for number in range(many)})
    before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    daemon.watch(song.root)
    entry = daemon.follow(lambda state: next((e for e in state.queue.values() if e.error), None))
    assert (entry.state, entry.error.code) == ("waiting", "unavailable")
    assert "not foreseen" not in daemon.log
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)
    daemon.museui("queue", "retry")
    daemon.wait_safe()
    assert heads(hub, "roomy") == {"main": head}
    assert daemon.litter == []
