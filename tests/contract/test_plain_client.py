"""The protocol is enough: a client that knows only ``docs/protocol.md`` pushes, and reads back what it pushed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgpack
import pytest

from tests.helpers import plain_client
from tests.helpers.hub import HubProcess
from tests.helpers.plain_client import make_bundle, push, sha

FIRST = {"song.txt": b"la\n", "takes/ü.bin": bytes(range(256)), "empty": b""}
SECOND = {"song.txt": b"la la\n", "empty": b""}
WHEN = "2026-01-01T00:00:00+00:00"
LATER = "2026-01-02T00:00:00.5+01:00"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def url(hub: HubProcess, request: pytest.FixtureRequest) -> str:
    """A repository of its own for each test, which the first push makes."""
    return hub.repository(request.node.name.replace("_", "-"))


def _heads(hub: HubProcess, url: str) -> dict[str, str]:
    heads: dict[str, str] = httpx.get(f"{url}/refs", headers=hub.headers).raise_for_status().json()["branch_heads"]
    return heads


def _has_all(hub: HubProcess, files: dict[str, bytes]) -> bool:
    """Whether every file's content comes back from ``/o/``, under either spelling of its id."""
    return all(
        httpx.get(f"{hub.url}/o/{object_id}", headers=hub.headers).content == content
        for content in files.values()
        for object_id in (sha(content), sha(content)[7:])
    )


def test_it_knows_only_the_protocol() -> None:
    tree = ast.parse(Path(plain_client.__file__).read_text())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"hashlib", "httpx", "msgpack"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def test_a_push_a_second_one_and_a_change_of_mind(hub: HubProcess, url: str) -> None:
    bundle, first = make_bundle(FIRST, "a song", WHEN)
    assert not bundle.startswith(b"\x28\xb5\x2f\xfd"), "it is not compressed"
    answer = push(url, hub.token, bundle, "main", first)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-msgpack"
    said = msgpack.unpackb(answer.content)
    assert (said["ok"], said["branch"], said["head"], said["previous_head"]) == (True, "main", first, None)
    assert (said["stored_commits"], said["stored_snapshots"], said["stored_objects"]) == (1, 1, 3)
    assert _heads(hub, url) == {"main": first}
    assert _has_all(hub, FIRST)

    bundle, second = make_bundle(SECOND, "more of it", LATER, parent=first)
    said = msgpack.unpackb(push(url, hub.token, bundle, "main", second).content)
    assert (said["head"], said["previous_head"], said["stored_commits"]) == (second, first, 1)
    assert (said["stored_objects"], said["already_present_objects"]) == (1, 1)
    assert _heads(hub, url) == {"main": second}
    assert _has_all(hub, FIRST) and _has_all(hub, SECOND)

    aside, other = make_bundle({"song.txt": b"tra\n"}, "another song", WHEN)
    refused = push(url, hub.token, aside, "main", other)
    assert refused.status_code == 409
    error = msgpack.unpackb(refused.content)
    assert error["error"]["code"] == "non_fast_forward"
    assert error["error"]["details"] == {"branch": "main", "head": second}
    assert error["detail"] == error["error"]["message"]
    assert _heads(hub, url) == {"main": second}

    forced = push(url, hub.token, aside, "main", other, force=True)
    assert (forced.status_code, msgpack.unpackb(forced.content)["previous_head"]) == (200, second)
    assert _heads(hub, url) == {"main": other}
    assert _has_all(hub, {"song.txt": b"tra\n"})


def test_only_what_is_new_needs_to_come(hub: HubProcess, url: str) -> None:
    bundle, first = make_bundle(FIRST, "a song", WHEN)
    assert push(url, hub.token, bundle, "main", first).status_code == 200
    files = {**FIRST, "new.txt": b"new"}
    whole, second = make_bundle(files, "one file more", LATER, parent=first)
    fields = msgpack.unpackb(whole)
    fields["objects"] = [item for item in fields["objects"] if item["content"] == b"new"]
    said = msgpack.unpackb(push(url, hub.token, msgpack.packb(fields), "main", second).content)
    assert (said["stored_objects"], said["already_present_objects"]) == (1, 0)
    assert _heads(hub, url) == {"main": second}
    fetched = httpx.post(
        f"{url}/fetch", json={"want": [second]}, headers={**hub.headers, "Accept": "application/x-msgpack"}
    )
    contents = {item["content"] for item in msgpack.unpackb(fetched.content)["objects"]}
    assert contents == set(files.values())


@pytest.mark.parametrize("kind", ["application/json", "application/x-msgpack"])
@pytest.mark.parametrize("confirm", ["push/bundle/confirm", "push/unpack-bundle"])
@pytest.mark.parametrize("presign", ["push/bundle/presign", "push/bundle-presign"])
def test_every_spelling_of_the_two_requests(hub: HubProcess, presign: str, confirm: str, kind: str) -> None:
    bundle, head = make_bundle(FIRST, f"{presign} {confirm} {kind}", WHEN)
    url = hub.repository("spelling-" + head[7:])
    with httpx.Client(headers={**hub.headers, "Accept": kind}) as client:
        asked = client.post(f"{url}/{presign}", json={"bundle_id": sha(bundle), "size_bytes": len(bundle)})
        assert (asked.status_code, asked.headers["content-type"]) == (200, kind)
        target = asked.json() if kind == "application/json" else msgpack.unpackb(asked.content)
        assert (target["method"], target["already_present"], target["headers"]) == ("PUT", False, {})
        assert httpx.put(target["presigned_url"], content=bundle).status_code == 200
        message = {"bundle_id": sha(bundle), "branch": "main", "head": head, "force": False}
        confirmed = client.post(f"{url}/{confirm}", json=message)
        assert (confirmed.status_code, confirmed.headers["content-type"]) == (200, kind)
    assert _heads(hub, url) == {"main": head}
    assert _has_all(hub, FIRST)
