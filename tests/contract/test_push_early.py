"""A bundle that passes through the hub is verified while it arrives: with the same answers, also where it is bad."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient, compress, error_code
from tests.helpers.records import History, make_history, pack

RANDOM = random.Random(1)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    with PushClient(hub, "".join(char if char.isalnum() else "-" for char in request.node.name)) as made:
        yield made


def large_history() -> History:
    return make_history({f"{number}.bin": RANDOM.randbytes(400_000) for number in range(4)})


def test_a_large_bundle_is_verified_before_its_confirm(client: PushClient) -> None:
    history = large_history()
    status, answer = client.push(history, wire=compress(pack(history.bundle())))
    assert status == 200
    assert answer["timings"]["ahead"] > 0
    assert answer["timings"]["verify"] == 0
    assert answer["stored_objects"] == 4
    for object_id, content in history.contents.items():
        assert client.read_object(object_id) == content


def test_a_bad_one_is_refused_by_the_rule_it_breaks_and_may_be_asked_again(client: PushClient) -> None:
    history = large_history()
    object_id = next(iter(history.contents))
    history.contents[object_id] = history.contents[object_id][:-1] + b"\0"
    wire = compress(pack(history.bundle()))
    client.upload(wire)
    for _ in range(2):
        status, answer = client.confirm(wire, history.head)
        assert (status, error_code(answer)) == (422, "integrity")
        assert object_id.removeprefix("sha256:") in answer["error"]["message"]
    assert client.get("refs").status_code == 200


def test_one_that_expands_to_more_than_was_announced_is_refused(client: PushClient) -> None:
    history = large_history()
    wire = compress(pack(history.bundle()))
    client.upload(wire, raw_bytes=1 << 20)
    status, answer = client.confirm(wire, history.head)
    assert (status, error_code(answer)) == (413, "too_large")


def test_a_body_that_breaks_off_leaves_nothing_and_the_next_one_counts(client: PushClient) -> None:
    history = large_history()
    wire = compress(pack(history.bundle()))
    _, presigned = client.presign(wire)
    status, _ = client.put(presigned["presigned_url"], wire[: len(wire) // 2] + bytes(len(wire) - len(wire) // 2))
    assert status == 422
    status, answer = client.push(history, wire=wire)
    assert status == 200
    assert answer["stored_commits"] == 1
