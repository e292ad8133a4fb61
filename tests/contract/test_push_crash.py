"""A hub killed between any two steps of a push has, when it is started again, either the old state or the new one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hubstub.push import FAILPOINTS
from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents, read_tables
from tests.helpers.push_client import PushClient, read_answer
from tests.helpers.records import History, commit_record, digest, make_history, pack, snapshot_record
from tests.helpers.upkeep import take_leftovers

FIRST = make_history({"a": b"one"})
_TREE = snapshot_record({"a": b"two", "b": b"more"})
_COMMIT = commit_record(_TREE["snapshot_id"], [FIRST.head], "second")
SECOND = History([_COMMIT], [_TREE], {digest(content): content for content in (b"two", b"more")})
COMMITTED = FAILPOINTS.index("confirm.committed")
PASSED = [name for name in FAILPOINTS if name.startswith("confirm.") and name != "confirm.answered"]
"""Bundles by presign and PUT are killed in tests/faults."""


def _hub_with_first(folder: Path) -> HubProcess:
    hub = HubProcess(data_dir=folder / "hub").start()
    with PushClient(hub) as client:
        assert client.push(FIRST)[0] == 200
        client.wait_promoted()
    hub.stop()
    return hub


def _attempt(client: PushClient) -> int:
    """Push the second commit in one request; the status, 0 when the hub died on the way."""
    query = f"branch=main&head={SECOND.head}&expected_head={FIRST.head}"
    try:
        return client.post_bytes(f"push/unpack?{query}", pack(SECOND.bundle()))[0]
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("failpoint", PASSED)
def test_killed_between_two_steps(tmp_path: Path, failpoint: str) -> None:
    hub = _hub_with_first(tmp_path)
    try:
        before = hub_contents(hub.data_dir)
        hub.failpoint = failpoint
        with PushClient(hub.start()) as client:
            assert _attempt(client) == 0
        hub.wait_killed()
        moved = FAILPOINTS.index(failpoint) >= COMMITTED
        tables = read_tables(hub.data_dir)
        assert (tables == before[0]) is not moved

        hub.failpoint = ""
        with PushClient(hub.start()) as client:
            assert client.heads() == {"main": SECOND.head if moved else FIRST.head}
            if not moved:
                take_leftovers(hub)
            assert all("/objects/" in path for path in hub_contents(hub.data_dir)[1] - before[1])
            assert _attempt(client) == 200
            client.wait_promoted()
            assert client.heads() == {"main": SECOND.head}
            assert all(client.read_object(object_id) == content for object_id, content in SECOND.contents.items())
            moves = [push for push in read_answer(client.get("pushes"))[1]["pushes"] if push["previous_head"]]
            assert sum(push["previous_head"] != push["head"] for push in moves) == 1
        after = hub_contents(hub.data_dir)[1] - before[1]
        assert {path for path in after if not path.startswith(("store/objects/", "store/staging/"))} == set()
    finally:
        hub.close()


def test_a_confirm_whose_answer_was_lost_is_answered_the_same_by_the_next_process(tmp_path: Path) -> None:
    hub = _hub_with_first(tmp_path)
    wire = pack(SECOND.bundle())
    try:
        hub.failpoint = "confirm.answered"
        with PushClient(hub.start()) as client:
            upload = client.upload(wire)
            with pytest.raises(httpx.TransportError):
                client.confirm(wire, SECOND.head, upload_id=upload["upload_id"])
        hub.wait_killed()
        (row,) = [row for row in read_tables(hub.data_dir)["pushes"] if row[4] == bytes.fromhex(SECOND.head[7:])]
        hub.failpoint = ""
        with PushClient(hub.start()) as client:
            answers = [client.confirm(wire, SECOND.head, upload_id=upload["upload_id"]) for _ in range(2)]
            assert {status for status, _ in answers} == {200}
            assert {answer["push_id"] for _, answer in answers} == {row[0]}
            assert [answer["previous_head"] for _, answer in answers] == [FIRST.head] * 2
    finally:
        hub.close()
