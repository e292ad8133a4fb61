"""A stored object that was damaged is healed by the next push that brings it, whichever way that comes and whose it is.

What somebody sends is verified when it arrives; of what lies in the store the hub knows no more than it knew then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import stored_files
from tests.helpers.push_client import PushClient, wait_until
from tests.helpers.records import History, make_history, pack
from tests.helpers.upkeep import check, own_file

WAYS = ("bundle", "stream", "unpack", "push", "push/objects", "presigned", "presigned/push")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture(scope="module")
def bob(hub: HubProcess) -> str:
    return hub.new_user("bob")


def send(client: PushClient, history: History, way: str) -> None:
    """Push ``history``, which must work."""
    frames: list[list[Any]] = [["H", {"branch": "main", "head": history.head, "force": False}]]
    frames += [["S", record] for record in history.snapshots]
    frames += [["O", list(item)] for item in history.contents.items()]
    frames += [*(["C", record] for record in history.commits), ["E", {}]]
    objects = [{"object_id": object_id, "content": content} for object_id, content in history.contents.items()]
    bundle = history.bundle(branch_heads={"main": history.head})
    without = {"bundle": {**bundle, "objects": []}, "branch": "main", "force": False}
    answers: list[tuple[int, object]] = []
    if way == "bundle":
        answers.append(client.push(history))
    elif way == "stream":
        answers.append(client.post_bytes("push/stream", b"".join(map(pack, frames))))
    elif way == "unpack":
        answers.append(client.post_bytes(f"push/unpack?branch=main&head={history.head}", pack(bundle)))
    elif way == "push":
        answers.append(client.post("push", {"bundle": bundle, "branch": "main", "force": False}))
    elif way == "push/objects":
        answers += [client.post("push/objects", {"objects": objects}), client.post("push", without)]
    else:
        answers.append(client.put_objects(history.contents))
        answers.append(client.confirm_objects(history) if way == "presigned" else client.post("push", without))
    assert [status for status, _ in answers] == [200] * len(answers), answers


def damage(hub: HubProcess, history: History) -> None:
    """Every other object has other bytes of the same length, the rest are cut or gone."""
    for number, (object_id, content) in enumerate(history.contents.items()):
        path = own_file(hub, object_id)
        if number % 3 == 0:
            path.write_bytes(bytes(len(content)))
        elif number % 3 == 1:
            path.write_bytes(content[:-1])
        else:
            path.unlink()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("whose", ["her own", "another's"])
def test_a_damaged_object_is_healed_by_a_push(hub: HubProcess, bob: str, way: str, whose: str) -> None:
    slug = f"{way}-{whose}".replace("/", "-").replace(" ", "-").replace("'", "")
    history = make_history({name: f"{name} of {slug}".encode() for name in "abc"} | {"large": os.urandom(9 << 20)})
    with PushClient(hub, slug) as client, PushClient(hub, slug, owner="bob", token=bob) as other:
        assert client.push(history)[0] == 200
        client.wait_promoted()
        damage(hub, history)
        sender = client if whose == "her own" else other
        if way.startswith("presigned") and sender is client:
            status, answer = client.presign_objects(history.contents)
            assert (status, answer["presigned"]) == (200, {}), "what a repository has is not asked for"
            way = "bundle"
        send(sender, history, way)
        client.wait_promoted()
        sender.wait_promoted()
        wait_until(lambda: not any(path.startswith("store/bundles/") for path in stored_files(hub.data_dir)))
        for object_id, content in history.contents.items():
            assert own_file(hub, object_id).read_bytes() == content
            assert client.read_object(object_id) == content
    assert not check(hub).findings


def test_a_damaged_bundle_that_was_not_promoted_is_healed_by_a_push() -> None:
    history = make_history({"a": b"one", "large": os.urandom(9 << 20)})
    with HubProcess(failpoint="promote.object") as hub, PushClient(hub) as client:
        assert client.push(history)[0] == 200
        hub.wait_killed()
        (bundle,) = (hub.data_dir / path for path in stored_files(hub.data_dir) if path.startswith("store/bundles/"))
        bundle.write_bytes(bytes(bundle.stat().st_size))
        hub.restart()
        assert client.push(history)[0] == 200
        for object_id, content in history.contents.items():
            wait_until(own_file(hub, object_id).exists)
            assert client.read_object(object_id) == content
        assert not check(hub).findings
