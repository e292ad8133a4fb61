"""Whether somebody else's private repository has some content: nothing that a stranger may ask or do tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.minio import MinioHub, MinioProcess
from tests.helpers.push_client import PushClient, compress
from tests.helpers.records import History, make_history, pack

_OWN = {"timings", "push_id", "upload_id", "bundle_id", "created_at", "promotion"}
SECRET = make_history({"secret.txt": b"what only ada has" * 1000})


@pytest.fixture(scope="module", params=["embedded", "minio"])
def hub(request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    if request.param == "embedded":
        made = HubProcess("--user-quota", "1M")
    else:
        server: MinioProcess = request.getfixturevalue("minio")
        made = MinioHub(server.new_store(), "--user-quota", "1M")
    with made as process:
        with PushClient(process, "private") as ada:
            assert ada.push(SECRET)[0] == 200
            ada.wait_promoted()
        yield process


def _told(value: Any, history: History) -> Any:
    """An answer without what differs between any two answers: ids, URLs, moments, lengths of time."""
    if isinstance(value, dict):
        return {_told(key, history): "…" if key in _OWN else _told(item, history) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(item, history) for item in value]
    if isinstance(value, str):
        for number, item in enumerate([*history.contents, history.head, history.snapshots[0]["snapshot_id"]]):
            bare = item.removeprefix("sha256:")
            for spelling in (item, bare, bare[:12]):
                value = value.replace(spelling, f"id{number}")
        return "url" if "://" in value else value
    return value


def _ask_everything(hub: HubProcess, name: str, history: History) -> list[Any]:
    """What a new user is told who has the contents of ``history``, by whichever way, up to the end of its promotion."""
    hub.command_here("user", "create", name)
    token = hub.command_here("token", "create", name)
    (object_id, content), *_ = history.contents.items()
    told: list[Any] = []

    def storage(client: PushClient) -> Any:
        found = msgpack.unpackb(client.get("/user/storage").content)
        # The ids are random, so what their records are compressed to differs by some bytes.
        return {**found, "used_bytes": round(found["used_bytes"], -3)}

    def ask(client: PushClient) -> None:
        told.append(client.post("presign", {"object_ids": [object_id], "direction": "get"}))
        told.append(client.post("filter-objects", {"object_ids": [object_id]}))
        told.append(client.presign_objects([object_id], sizes=[len(content)]))
        told.append(client.post("presign", {"object_ids": [object_id], "direction": "put"}))
        told.append(client.get(f"/o/{object_id}").status_code)
        refs = msgpack.unpackb(client.get("refs").content)
        told.append([refs["needs"], sorted(refs["branch_heads"])])

    for way in ("bundle", "stream", "unpack", "objects", "ahead"):
        with PushClient(hub, way, owner=name, token=token) as client:
            client.hub.command_here("repo", "create", f"{name}/{way}")
            ask(client)
            wire = compress(pack(history.bundle()))
            without = history.bundle(objects=[])
            told.append(client.post_bytes(f"push/unpack?branch=main&head={history.head}", pack(without)))
            if way == "bundle":
                told.append(client.push(history))
            elif way == "unpack":
                told.append(client.post_bytes(f"push/unpack?branch=main&head={history.head}", wire))
            elif way == "stream":
                frames: list[Any] = [["H", {"branch": "main", "head": history.head, "force": False}]]
                frames += [["S", record] for record in history.snapshots]
                frames += [["O", [item, data]] for item, data in history.contents.items()]
                frames += [*(["C", record] for record in history.commits), ["E", {}]]
                told.append(client.post_bytes("push/stream", b"".join(map(pack, frames))))
            elif way == "objects":
                told.append(client.put_objects(history.contents, sizes=[len(content)])[0])
                told.append(client.confirm_objects(history))
            else:
                objects = [{"object_id": object_id, "content": content}]
                told.append(client.post("push/objects", {"objects": objects}))
                told.append(client.post("push/objects", {"objects": objects}))
                told.append(client.post("push", {"bundle": without, "branch": "main", "force": False}))
            told.append(storage(client)["used_bytes"])
            client.wait_promoted()
            ask(client)
            told.append(storage(client))
    return [_told(item, history) for item in told]


def test_one_answer_for_what_another_repository_has_and_for_what_none_has(hub: HubProcess) -> None:
    (secret,) = SECRET.contents.values()
    unknown = make_history({"secret.txt": os.urandom(16).hex().encode().ljust(len(secret), b"x")})
    first, second = _ask_everything(hub, "mallory-known", SECRET), _ask_everything(hub, "mallory-other", unknown)
    for one, other in zip(first, second, strict=True):
        assert str(one).replace("mallory-known", "mallory") == str(other).replace("mallory-other", "mallory")
