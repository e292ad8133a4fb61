"""Confirms that are repeated, concurrent, stale or for nothing: one push each, or none, and no litter."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgpack
import pytest

from tests.helpers.attacks import BASE, WAYS, attacked_hub, check_refused, next_history, raw_head, send
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import read_tables
from tests.helpers.postgresql import NewDatabase
from tests.helpers.push_client import MSGPACK, WAIT_S, PushClient, read_answer, wait_until
from tests.helpers.records import digest, make_history, pack

ATTACK = next_history()
UNKNOWN = "sha256:" + "ab" * 32
AT_ONCE = 8


@pytest.fixture(scope="module")
def hub(new_database: NewDatabase) -> Iterator[HubProcess]:
    with attacked_hub(made=HubProcess(database=new_database())) as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A repository of its own for each test, with :data:`BASE` on ``main``."""
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        assert made.push(BASE)[0] == 200
        yield made


def _wire(client: PushClient, note: str = "") -> bytes:
    """A bundle that no other test uploads."""
    return pack(ATTACK.bundle(meta={"format": 1, "tool": client.url, "note": note}))


def _pushes(client: PushClient) -> list[Any]:
    return list(read_answer(client.get("pushes"))[1]["pushes"])


def _at_once(client: PushClient, messages: list[dict[str, Any]]) -> list[tuple[int, Any]]:
    """What each of ``messages`` to confirm is answered when all are sent at the same moment."""
    together = Barrier(len(messages))

    def confirm(message: dict[str, Any]) -> tuple[int, Any]:
        with PushClient(client.hub, client.url.rpartition("/")[2]) as own:
            own.get("refs")
            together.wait(WAIT_S)
            return own.post("push/bundle/confirm", message)

    with ThreadPoolExecutor(len(messages)) as threads:
        return list(threads.map(confirm, messages))


def test_confirms_at_once_for_different_branches_move_one_of_them(client: PushClient) -> None:
    wire = _wire(client)
    upload_id = client.upload(wire)["upload_id"]
    message = {"bundle_id": digest(wire), "head": ATTACK.head, "upload_id": upload_id}
    answers = _at_once(client, [{**message, "branch": f"branch-{number}"} for number in range(AT_ONCE)])
    won = [answer for status, answer in answers if status == 200]
    assert len(won) == 1
    for answer in answers:
        if answer[0] != 200:
            check_refused(answer, "upload_expired")
    assert client.heads() == {"main": BASE.head, won[0]["branch"]: ATTACK.head}
    assert len(_pushes(client)) == 2


def test_confirms_at_once_of_several_uploads_of_the_same_move_the_branch_once(client: PushClient) -> None:
    wires = [_wire(client, str(number)) for number in range(AT_ONCE)]
    messages = [{"bundle_id": digest(wire), "head": ATTACK.head, "branch": "main"} for wire in wires]
    for wire in wires:
        client.upload(wire)
    answers = _at_once(client, messages)
    assert [status for status, _ in answers] == [200] * AT_ONCE
    moved = [answer for _, answer in answers if answer["previous_head"] == BASE.head]
    assert len(moved) == 1
    body = pack({"want": [ATTACK.head]})
    fetched = client.http.post(f"{client.url}/fetch", content=body, headers={"Accept": MSGPACK})
    assert len(msgpack.unpackb(fetched.content)["commits"]) == len(BASE.commits) + 1


def test_a_put_and_confirms_at_once_end_in_one_push(client: PushClient) -> None:
    """Before the bytes have come a confirm finds nothing; whichever comes after them is the one push."""
    for round_number in range(4):
        wire = _wire(client, str(round_number))
        url = client.presign(wire)[1]["presigned_url"]
        branch = f"round-{round_number}"
        together = Barrier(4)

        def put(url: str = url, wire: bytes = wire, together: Barrier = together) -> tuple[int, Any]:
            together.wait(WAIT_S)
            return client.put(url, wire)

        def confirm(wire: bytes = wire, branch: str = branch, together: Barrier = together) -> tuple[int, Any]:
            together.wait(WAIT_S)
            return client.confirm(wire, ATTACK.head, branch)

        with ThreadPoolExecutor(4) as threads:
            puts = [threads.submit(put) for _ in range(2)]
            confirms = [threads.submit(confirm) for _ in range(2)]
            assert sorted(future.result()[0] for future in puts) == [200, 410]
            answers = [future.result() for future in confirms]
        assert {status for status, _ in answers} <= {200, 404}
        last = client.confirm(wire, ATTACK.head, branch)
        assert last[0] == 200
        assert {answer["push_id"] for status, answer in answers if status == 200} <= {last[1]["push_id"]}
    assert len(_pushes(client)) == 1 + 4


def _leave(client: PushClient, message: dict[str, Any], path: str = "push/bundle/confirm") -> None:
    """Send a request and go without waiting for its answer."""
    body = json.dumps(message).encode()
    target = client.url.removeprefix(client.hub.url) + "/" + path
    head = raw_head(
        "POST", target, f"Content-Length: {len(body)}", "Content-Type: application/json", token=client.hub.token
    )
    with socket.create_connection(("127.0.0.1", client.hub.port), timeout=WAIT_S) as connection:
        connection.sendall(head + body)


def test_a_lost_answer_can_be_asked_for_again(client: PushClient) -> None:
    """The client goes the moment it has asked; the push is done once, and who asks again is told about it."""
    wire = _wire(client)
    upload_id = client.upload(wire)["upload_id"]
    message = {"bundle_id": digest(wire), "branch": "main", "head": ATTACK.head, "upload_id": upload_id}
    for _ in range(3):
        _leave(client, {**message, "expected_head": BASE.head})
    wait_until(lambda: client.heads()["main"] == ATTACK.head)
    first = client.confirm(wire, ATTACK.head, "main", upload_id=upload_id, expected_head=BASE.head)
    assert (first[0], first[1]["previous_head"]) == (200, BASE.head)
    client.wait_promoted()
    with unchanged(client.hub):
        for fields in ({}, {"upload_id": upload_id}, {"expected_head": BASE.head}, {"force": True}):
            again = client.confirm(wire, ATTACK.head, "main", **fields)
            assert again == (200, {**first[1], "promotion": "done"})
        answers = _at_once(client, [message] * AT_ONCE)
        assert answers == [(200, {**first[1], "promotion": "done"})] * AT_ONCE
    assert len(_pushes(client)) == 2


def test_an_answer_stays_what_it_was_when_the_branch_has_gone_on(client: PushClient) -> None:
    wire = _wire(client)
    client.upload(wire)
    first = client.confirm(wire, ATTACK.head, expected_head=BASE.head)
    more = next_history(ATTACK, "then more", {"more": b"more"})
    assert client.push(more)[0] == 200
    client.wait_promoted()
    with unchanged(client.hub):
        assert client.confirm(wire, ATTACK.head, expected_head=BASE.head) == (200, {**first[1], "promotion": "done"})
    assert client.heads() == {"main": more.head}


def test_a_confirm_that_was_refused_can_be_put_right(client: PushClient) -> None:
    """A refusal uses nothing up: the same upload is confirmed for what is right."""
    wire = _wire(client)
    client.upload(wire)
    with unchanged(client.hub):
        check_refused(client.confirm(wire, ATTACK.head, "main", expected_head=UNKNOWN), "stale_lease")
        check_refused(client.confirm(wire, ATTACK.head, "main", expected_head=None), "stale_lease")
        check_refused(client.confirm(wire, BASE.commits[0]["commit_id"], "main"), "non_fast_forward")
        check_refused(client.confirm(wire, UNKNOWN, "main"), "integrity")
        check_refused(client.confirm(wire, ATTACK.head, "main/below"), "invalid")
    assert client.confirm(wire, ATTACK.head, "main", expected_head=BASE.head)[0] == 200


def test_leases_hold_for_every_way_in_and_force_does_not_break_them(client: PushClient) -> None:
    aside = make_history({"aside": b"another root"})
    with unchanged(client.hub):
        for way in WAYS:
            for lease in (None, aside.head, BASE.commits[0]["commit_id"], UNKNOWN):
                for force in (False, True):
                    answer = send(client, way, aside.bundle(), aside.head, "main", expected_head=lease, force=force)
                    details = check_refused(answer, "stale_lease")["details"]
                    assert details == {"branch": "main", "expected": lease, "head": BASE.head}
            check_refused(send(client, way, aside.bundle(), aside.head, "new", expected_head=BASE.head), "stale_lease")
            check_refused(send(client, way, aside.bundle(), aside.head, "main"), "non_fast_forward")
            check_refused(
                send(client, way, aside.bundle(), aside.head, "main", expected_head=BASE.head), "non_fast_forward"
            )
    assert send(client, "bundle", aside.bundle(), aside.head, "main", expected_head=BASE.head, force=True)[0] == 200
    assert client.heads() == {"main": aside.head}


def test_a_stale_lease_makes_no_repository(hub: HubProcess) -> None:
    with PushClient(hub, "not-yet") as client, unchanged(hub):
        for way in WAYS:
            if way == "bundle":
                answer = client.presign(pack(BASE.bundle()), branch="main", head=BASE.head, expected_head=UNKNOWN)
            else:
                answer = send(client, way, BASE.bundle(), BASE.head, "main", expected_head=UNKNOWN)
            check_refused(answer, "stale_lease")
        check_refused(client.confirm(pack(BASE.bundle()), BASE.head), "not_found")


def test_what_is_wrong_makes_no_repository(hub: HubProcess) -> None:
    cut = BASE.bundle(objects=[])
    with PushClient(hub, "never") as client, unchanged(hub):
        for rubbish in (b"", b"\xc1", pack([]), pack({}), pack({"bundle_id": "x", "size_bytes": 1})):
            for path in ("push/bundle/presign", "push/bundle/confirm", "push/stream", "push/unpack?branch=main"):
                check_refused(client.post_bytes(path, rubbish), "invalid", "not_found")
        for way in ("unpack", "stream"):
            check_refused(send(client, way, cut, BASE.head), "integrity")
            check_refused(send(client, way, BASE.bundle(), UNKNOWN), "integrity")
            check_refused(send(client, way, BASE.bundle(), BASE.head, "a..b"), "invalid")
        assert client.get("refs").status_code == 404


def test_an_upload_does_not_outlive_its_repository(hub: HubProcess) -> None:
    """Whoever makes a repository under the same name, or with the same number, finds nothing of the old one."""
    wire = pack(BASE.bundle(meta={"format": 1, "tool": "outlived"}))
    with PushClient(hub, "short-lived") as client:
        upload = client.upload(wire)
        numbers = [row[0] for row in read_tables(hub.data_dir, ("repositories",))["repositories"]]
        assert client.http.delete(client.url).status_code == 204
        check_refused(client.put(upload["presigned_url"], wire), "upload_expired")
        with unchanged(hub):
            check_refused(client.confirm(wire, BASE.head, upload_id=upload["upload_id"]), "not_found")
        fresh = client.presign(wire)[1]
        assert (fresh["already_present"], fresh["upload_id"] == upload["upload_id"]) == (False, False)
        after = [row[0] for row in read_tables(hub.data_dir, ("repositories",))["repositories"]]
        assert max(after) > max(numbers), "a push that is under way would go into somebody else's repository"
        with unchanged(hub):
            check_refused(client.confirm(wire, BASE.head, upload_id=upload["upload_id"]), "not_found")
            check_refused(client.put(upload["presigned_url"], wire), "upload_expired")
