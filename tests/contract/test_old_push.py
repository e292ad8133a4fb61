"""Endpoints of the 0.1.x push, met with rubbish, hugeness, absence and interruption: nothing changes, all is said."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgpack
import pytest

from tests.helpers.attacks import BASE, attacked_hub, next_history
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import MSGPACK, PushClient, compress, error_code
from tests.helpers.records import History, commit_record, digest, make_history, pack, snapshot_record

ATTACK = next_history()
HMAC = {"signature": "ab" * 32, "signer_key_id": "e24c3d674e79495c", "format_version": 5}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def bob(hub: HubProcess) -> str:
    return hub.new_user("bob")


@pytest.fixture
def client(hub: HubProcess) -> Iterator[PushClient]:
    with PushClient(hub) as made:
        yield made


@pytest.fixture
def fresh(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A client of a repository that its first push makes."""
    with PushClient(hub, "".join(c if c.isalnum() else "-" for c in request.node.name)[:90].strip("-")) as made:
        yield made


def _body(history: History, branch: str = "attack", force: bool = False, **replaced: Any) -> dict[str, Any]:
    bundle = history.bundle(branch_heads={branch: history.head}, **replaced)
    return {"bundle": bundle, "branch": branch, "force": force}


def _objects(*contents: bytes) -> dict[str, Any]:
    return {"objects": [{"object_id": digest(content), "content": content} for content in contents]}


def _missing(client: PushClient, *contents: bytes) -> set[bytes]:
    """Which of ``contents`` the hub lacks, as it says."""
    ids = {digest(content): content for content in contents}
    status, answer = client.post("filter-objects", {"object_ids": list(ids)})
    assert status == 200, answer
    return {ids[item] for item in answer["missing"]}


def _refused(status: int, answer: Any, code: str) -> dict[str, Any]:
    assert (status, error_code(answer)) == (
        {"integrity": 422, "bad_signature": 422, "invalid": 422}.get(code, 413),
        code,
    )
    assert answer["detail"] == answer["error"]["message"]
    details: dict[str, Any] = answer["error"]["details"]
    return details


TREE = snapshot_record({"attack": b"attack"})
WITHOUT_TIME = commit_record(TREE["snapshot_id"], [BASE.head])
del WITHOUT_TIME["committed_at"]
BAD_PUSHES: dict[str, tuple[dict[str, Any], str]] = {
    "an object is another": (
        _body(ATTACK, objects=[{"object_id": digest(b"attack"), "content": b"other"}]),
        "integrity",
    ),
    "an object is missing": (_body(ATTACK, objects=[]), "integrity"),
    "an object is no bytes": (_body(ATTACK, objects=[{"object_id": digest(b"attack"), "content": "text"}]), "invalid"),
    "a snapshot is missing": (_body(ATTACK, snapshots=[]), "integrity"),
    "a snapshot is another": (_body(ATTACK, snapshots=[{**TREE, "manifest": {}}]), "integrity"),
    "a parent is missing": (
        _body(History([commit_record(TREE["snapshot_id"], ["sha256:" + "f" * 64])], [TREE], ATTACK.contents)),
        "integrity",
    ),
    "a commit is another": (_body(ATTACK, commits=[{**ATTACK.commits[0], "message": "another"}]), "integrity"),
    "a commit lacks a field": (_body(ATTACK, commits=[WITHOUT_TIME]), "invalid"),
    "a commit is twice there": (_body(ATTACK, commits=ATTACK.commits * 2), "invalid"),
    "a path leads out": (_body(next_history(files={"../out": b"x"})), "invalid"),
    "a signature without its key": (
        _body(ATTACK, commits=[{**ATTACK.commits[0], "signature": "ed25519:AA", "format_version": 5}]),
        "bad_signature",
    ),
    "an old signature on a new record": (
        _body(ATTACK, commits=[{**ATTACK.commits[0], **HMAC, "format_version": 7}]),
        "bad_signature",
    ),
    "no bundle": ({"branch": "attack", "force": False}, "invalid"),
    "the bundle is a list": ({**_body(ATTACK), "bundle": []}, "invalid"),
    "no branch": ({"bundle": ATTACK.bundle(), "force": False}, "invalid"),
    "the branch is a number": ({**_body(ATTACK), "branch": 7}, "invalid"),
    "the branch leads out": (_body(ATTACK, "../attack"), "invalid"),
    "force is text": ({**_body(ATTACK), "force": "yes"}, "invalid"),
    "nothing names the head": ({"bundle": {"branch_heads": {"main": BASE.head}}, "branch": "attack"}, "invalid"),
    "the head is not there": ({"bundle": {"branch_heads": {"attack": "f" * 64}}, "branch": "attack"}, "integrity"),
    "the head is rubbish": ({**_body(ATTACK), "bundle": ATTACK.bundle(branch_heads={"attack": "main"})}, "invalid"),
}


@pytest.mark.parametrize("what", BAD_PUSHES)
def test_a_push_that_breaks_a_rule_changes_nothing(hub: HubProcess, client: PushClient, what: str) -> None:
    body, code = BAD_PUSHES[what]
    with unchanged(hub):
        _refused(*client.post("push", body), code)


WHOLE = pack(_body(ATTACK))
BAD_BODIES = {
    "empty": b"",
    "text": b"hello",
    "a list": pack([1]),
    "deep": b"\x91" * 200_000,
    "deep in a field": b"\x82" + pack("force") + b"\x91" * 200_000,
    "deep in a record": b"\x81" + pack("bundle") + b"\x81" + pack("commits") + b"\x91" * 200_000,
    "a key twice": b"\x83" + 2 * (pack("branch") + pack("attack")) + pack("bundle") + pack(ATTACK.bundle()),
    "a bundle twice": b"\x82" + 2 * (pack("bundle") + pack(ATTACK.bundle())),
    "more behind it": WHOLE + b"\xc0",
    "half": WHOLE[: len(WHOLE) // 2],
    "all but one byte": WHOLE[:-1],
    "not really compressed": b"\x28\xb5\x2f\xfd" + WHOLE,
}


@pytest.mark.parametrize("what", BAD_BODIES)
@pytest.mark.parametrize("path", ["push", "push/objects", "filter-objects"])
def test_a_body_that_is_no_message_changes_nothing(hub: HubProcess, client: PushClient, path: str, what: str) -> None:
    with unchanged(hub):
        _refused(*client.post_bytes(path, BAD_BODIES[what]), "invalid")


def test_a_body_that_claims_or_becomes_too_much_is_refused(hub: HubProcess, client: PushClient) -> None:
    huge_list = b"\x81" + pack("bundle") + b"\x81" + pack("objects") + b"\xdd\xff\xff\xff\xff"
    huge_object = pack({"object_id": "f" * 64})[1:] + pack("content") + b"\xc6\xff\xff\xff\xff"
    with unchanged(hub):
        _refused(*client.post_bytes("push", huge_list), "too_large")
        body = b"\x81" + pack("objects") + b"\x91\x82" + huge_object + bytes(1000)
        _refused(*client.post_bytes("push/objects", body), "too_large")
        field = b"\x81" + pack("force") + pack("x" * (33 << 20))
        _refused(*client.post_bytes("push", compress(field)), "too_large")
        _refused(*client.post("filter-objects", {"object_ids": ["f" * 64] * 300_000}), "too_large")
        many = _objects(*(b"%d" % number for number in range(1001)))
        assert _refused(*client.post("push/objects", many), "too_large") == {"max_objects": 1000}


def test_a_body_that_breaks_off_changes_nothing(hub: HubProcess, client: PushClient) -> None:
    host, port = urlsplit(hub.url).hostname, urlsplit(hub.url).port
    with unchanged(hub):
        for path, body in (("push", WHOLE), ("push/objects", pack(_objects(b"broken off")))):
            before = hub.log.count(f"/ada/song/{path}")
            head = f"POST /ada/song/{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {hub.token}\r\n"
            head += f"Content-Type: {MSGPACK}\r\nContent-Length: {len(body)}\r\n\r\n"
            with socket.create_connection((host, port)) as line:
                line.sendall(head.encode() + body[:-5])
            while hub.log.count(f"/ada/song/{path}") == before:
                hub.wait_for_log(f"/ada/song/{path}")
        assert _missing(client, b"broken off") == {b"broken off"}


def test_objects_sent_ahead_count_for_this_user_and_repository_alone(
    hub: HubProcess, fresh: PushClient, bob: str
) -> None:
    ahead = _objects(b"", b"one", b"two")
    status, answer = fresh.post("push/objects", ahead)
    assert (status, answer) == (200, {"stored": 3, "skipped": 0})
    assert fresh.post("push/objects", ahead) == (200, {"stored": 0, "skipped": 3})
    assert _missing(fresh, b"", b"one", b"three") == {b"three"}
    with PushClient(hub, "elsewhere") as other, PushClient(hub, "bobs", owner="bob", token=bob) as stranger:
        assert _missing(other, b"", b"one") == {b"", b"one"}
        assert _missing(stranger, b"", b"one") == {b"", b"one"}
        assert stranger.get("/o/" + digest(b"one")).status_code == 404
        history = make_history({"a": b"one", "e": b""})
        _refused(*stranger.post("push", _body(history, objects=[])), "integrity")
        _refused(*other.post("push", _body(history, objects=[])), "integrity")
    assert fresh.get("/o/" + digest(b"one")).status_code == 404, "no push has named it yet"
    history = make_history({"a": b"one", "e": b""}, {"a": b"two", "e": b""})
    status, answer = fresh.post("push", _body(history, "main", objects=[]))
    assert (status, answer["branch_heads"]) == (200, {"main": history.head[7:]})
    fresh.wait_promoted()
    for content in (b"", b"one", b"two"):
        assert fresh.read_object(digest(content)) == content


def test_an_object_that_was_put_counts_once_it_is_what_it_should_be(hub: HubProcess, fresh: PushClient) -> None:
    history = make_history({"a": b"one", "b": b"two", "e": b""})
    body = _body(history, "main", objects=[])
    names = [name[7:] for name in history.contents]
    status, answer = fresh.post("presign", {"object_ids": names, "direction": "put", "ttl_seconds": 60})
    assert (status, set(answer["presigned"]), answer["inline"]) == (200, set(names), [])
    assert _refused(*fresh.post("push", body), "integrity")["kind"] == "object"
    for name, content in list(history.contents.items())[1:]:
        assert fresh.put(answer["presigned"][name[7:]], content)[0] == 200
    first = digest(b"one")[7:]
    assert fresh.put(answer["presigned"][first], b"six")[0] != 200, "the embedded store looks at once"
    assert _refused(*fresh.post("push", body), "integrity")["missing"] == first
    assert fresh.put(answer["presigned"][first], b"one")[0] == 200
    status, pushed = fresh.post("push", body)
    assert (status, pushed["remote_head"]) == (200, history.head[7:])
    fresh.wait_promoted()
    for name, content in history.contents.items():
        assert fresh.read_object(name) == content


def test_objects_ahead_need_room_like_those_of_a_push() -> None:
    kept, first, second = (char * 3000 for char in (b"a", b"b", b"c"))
    history = make_history({"a": kept})
    with HubProcess("--repository-quota", "9K") as hub, PushClient(hub) as client:
        assert client.post("push", _body(history, "main"))[0] == 200
        assert client.post("push/objects", _objects(first))[1] == {"stored": 1, "skipped": 0}
        with unchanged(hub):
            status, answer = client.post("push/objects", _objects(second))
            assert (status, error_code(answer)) == (507, "quota")
        assert _missing(client, first, second) == {second}
        body = _body(next_history(history, files={"b": first}), "main", objects=[])
        assert client.post("push", body)[0] == 200


def test_objects_ahead_survive_a_hub_that_is_killed(tmp_path: Any) -> None:
    with HubProcess(data_dir=tmp_path / "hub", failpoint="ahead.stored") as hub:
        with PushClient(hub) as client, pytest.raises(httpx.TransportError):
            client.post("push/objects", _objects(b"one"))
        hub.wait_killed()
        hub.failpoint = ""
        hub.start()
        with PushClient(hub) as client:
            assert _missing(client, b"one") == {b"one"}
            assert client.post("push/objects", _objects(b"one"))[1] == {"stored": 1, "skipped": 0}
            hub.kill()
            hub.start()
            history = make_history({"a": b"one"})
            assert client.post("push", _body(history, "main", objects=[]))[0] == 200
            assert client.read_object(digest(b"one")) == b"one"
        assert "Traceback" not in hub.log


def test_a_stranger_learns_nothing_and_changes_nothing(hub: HubProcess, client: PushClient, bob: str) -> None:
    bodies = {
        "filter-objects": {"object_ids": list(BASE.contents)},
        "push/objects": _objects(b"theirs"),
        "push": _body(ATTACK),
    }
    reader = hub.command("token", "create", "ada", "--scope", "read")
    with unchanged(hub):
        for path, body in bodies.items():
            for token, status in ((bob, 404), (None, 404 if path == "filter-objects" else 401)):
                headers = {"Content-Type": MSGPACK} | ({"Authorization": f"Bearer {token}"} if token else {})
                with httpx.Client(headers=headers, trust_env=False, verify=False) as stranger:
                    private = stranger.post(f"{client.url}/{path}", content=pack(body))
                    missing = stranger.post(f"{hub.repository('none')}/{path}", content=pack(body))
                assert private.status_code == missing.status_code == status
                assert private.content == missing.content
        with PushClient(hub, token=reader) as reading:
            assert _missing(reading, *BASE.contents.values(), b"no") == {b"no"}
            assert [reading.post(path, body)[0] for path, body in list(bodies.items())[1:]] == [403, 403]


def test_a_bundle_without_branch_heads_leads_to_its_one_tip(fresh: PushClient) -> None:
    history = make_history({"a": b"1"}, {"a": b"2"})
    bundle = {name: value for name, value in history.bundle().items() if name != "branch_heads"}
    status, answer = fresh.post("push", {"bundle": bundle, "branch": "main"})
    assert (status, answer["remote_head"]) == (200, history.head[7:])


def test_the_order_of_the_fields_does_not_matter_and_unknown_ones_are_passed_over(fresh: PushClient) -> None:
    history = make_history({"a": b"1"})
    body = _body(history, "main")
    mixed = {"from_the_future": [1], "force": False, "branch": "main", "bundle": {"new": {}, **body["bundle"]}}
    assert fresh.post("push", mixed)[1]["remote_head"] == history.head[7:]
    status, push = fresh.post("push", dict(reversed(mixed.items())))
    assert (status, push["branch_heads"]) == (200, {"main": history.head[7:]})


def test_json_says_the_same_with_base64(hub: HubProcess, fresh: PushClient) -> None:
    history = make_history({"a": b"\x00\xff", "e": b""})
    http = httpx.Client(headers={**hub.headers, "Accept": "application/json"}, trust_env=False, verify=False)
    objects = [
        {"object_id": name, "content": base64.b64encode(content).decode(), "path": "a"}
        for name, content in history.contents.items()
    ]
    with http:
        asked = http.post(f"{fresh.url}/filter-objects", json={"object_ids": list(history.contents)})
        assert asked.json() == {"missing": list(history.contents)}
        ahead = http.post(f"{fresh.url}/push/objects", json={"objects": objects[:1]})
        assert ahead.json() == {"stored": 1, "skipped": 0}
        body = {"bundle": history.bundle(objects=objects[1:]), "branch": "main", "force": False}
        pushed = http.post(f"{fresh.url}/push", json=body).json()
        assert (pushed["ok"], pushed["remote_head"]) == (True, history.head[7:])
        for damaged in ("not base64!", 7, None, "A"):
            ruined = {"objects": [{**objects[0], "content": damaged}]}
            for path, message in (("push/objects", ruined), ("push", {**body, "bundle": ruined})):
                _refused(
                    *(lambda r: (r.status_code, r.json()))(http.post(f"{fresh.url}/{path}", json=message)), "invalid"
                )
        long = http.post(f"{fresh.url}/push", json={"bundle": {"x": "y" * (17 << 20)}, "branch": "main"})
        assert (long.status_code, long.json()["error"]["code"]) == (413, "too_large")
        typed = http.post(f"{fresh.url}/push", content=b"x", headers={"Content-Type": "text/plain"})
        assert (typed.status_code, typed.json()["error"]["code"]) == (422, "invalid")
    for name, content in history.contents.items():
        assert fresh.read_object(name) == content


def test_a_history_too_long_for_such_a_client_is_refused_before_a_byte_of_it_is_sent(fresh: PushClient) -> None:
    history = make_history({f"{number}": bytes([number]) * (11 << 20) for number in range(6)})
    assert fresh.push(history)[0] == 200
    status, answer = fresh.post("fetch", {"want": [history.head]})
    assert _refused(status, answer, "too_large") == {"max_bytes": 64 << 20}
    assert "museui" in answer["detail"]
    fits = make_history({f"{number}": bytes([number]) * (10 << 20) for number in range(6)})
    assert fresh.push(fits, "fits")[0] == 200
    content = fresh.http.post(f"{fresh.url}/fetch", content=pack({"want": [fits.head]})).content
    assert len(content) < 64 << 20
    assert {item["content"][:1] for item in msgpack.unpackb(content)["objects"]} == {bytes([n]) for n in range(6)}


def test_a_fetch_takes_a_long_list_of_what_is_there(client: PushClient) -> None:
    have = [f"{number:064x}" for number in range(40_000)]
    status, answer = client.post("fetch", {"want": [BASE.head], "have": [*have, BASE.commits[0]["commit_id"][7:]]})
    assert (status, [commit["commit_id"] for commit in answer["commits"]]) == (200, [BASE.head[7:]])
