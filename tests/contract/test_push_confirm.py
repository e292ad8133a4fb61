"""A push one object at a time: ``push/presign``, PUTs, ``push/confirm``, on both stores."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.minio import MinioHub, MinioProcess, stored_entries
from tests.helpers.push_client import PushClient, compress, error_code, read_answer, wait_until
from tests.helpers.records import History, digest, make_history, pack

EMPTY = digest(b"")
UNKNOWN = "sha256:" + "ab" * 32
FILES = {"empty": b"", "text": b"la la", "takes/ü.bin": bytes(range(256)) * 20, "large": os.urandom(3 << 20)}


@pytest.fixture(scope="module", params=["embedded", "minio"])
def hub(request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    if request.param == "embedded":
        made = HubProcess()
    else:
        server: MinioProcess = request.getfixturevalue("minio")
        made = MinioHub(server.new_store())
    with made as process:
        yield process
        assert "Traceback" not in process.log


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        yield made


@pytest.fixture
def history(client: PushClient) -> History:
    """A history that no other test pushes."""
    return make_history(FILES, {**FILES, "text": client.url.encode()}, {"text": b"la la"})


def staged(hub: HubProcess) -> set[str]:
    """The keys of all that is staged."""
    if isinstance(hub, MinioHub):
        return {key for key in asyncio.run(stored_entries(hub.place)) if key.startswith("staging/")}
    return {f"staging/{path.name}" for path in (hub.data_dir / "store" / "staging").iterdir()}


def test_objects_that_were_sent_one_by_one_become_a_push(client: PushClient, history: History) -> None:
    others = staged(client.hub)
    status, answer = client.put_objects(history.contents)
    assert status == 200
    assert (set(answer["presigned"]), answer["inline"], answer["present"]) == (set(history.contents), [], [])
    assert answer["headers"] == {} and answer["expires_in"] > 0
    assert client.heads() == {}, "nothing is visible yet"
    assert client.get(f"/o/{digest(b'la la')}").status_code == 404
    status, answer = client.confirm_objects(history, expected_head=None)
    assert status == 200, answer
    assert (answer["branch"], answer["head"], answer["previous_head"]) == ("main", history.head, None)
    counts = [answer[f"stored_{kind}"] for kind in ("commits", "snapshots", "objects")]
    assert counts == [3, 3, len(history.contents)]
    assert answer["already_present_objects"] == 0
    assert set(answer["timings"]) == {"read", "verify", "store", "index", "advance", "total"}
    assert client.heads() == {"main": history.head}
    assert staged(client.hub) == others
    for _ in ("at once", "after promotion"):
        for object_id, content in history.contents.items():
            assert client.read_object(object_id) == content
        client.wait_promoted()
    (push,) = read_answer(client.get("pushes"))[1]["pushes"]
    assert (push["strategy"], push["promotion"]) == ("objects", "done")
    assert push["wire_bytes"] > sum(map(len, history.contents.values()))


@pytest.mark.parametrize("body", ["compressed", "json"])
def test_a_confirm_may_be_compressed_or_json(client: PushClient, history: History, body: str) -> None:
    assert client.put_objects(history.contents)[0] == 200
    message = {
        "snapshots": history.snapshots,
        "object_ids": [object_id[7:] for object_id in history.contents],
        "commits": history.commits,
        "head": history.head,
        "branch": "main",
    }
    if body == "json":
        response = httpx.post(f"{client.url}/push/confirm", json=message, headers=client.hub.headers, trust_env=False)
        status, answer = read_answer(response)
    else:
        status, answer = client.post_bytes("push/confirm", compress(pack(message)))
    assert (status, answer.get("stored_objects")) == (200, len(history.contents)), answer
    assert client.heads() == {"main": history.head}


def test_ids_are_answered_as_they_were_asked_for(client: PushClient) -> None:
    bare = digest(b"one")[7:]
    asked = [bare, digest(b"two")]
    assert list(client.presign_objects(asked)[1]["presigned"]) == asked
    assert client.get("refs").status_code == 404, "that makes no repository"
    assert client.push(make_history({}))[0] == 200
    status, answer = client.post("presign", {"object_ids": asked, "direction": "put", "ttl_seconds": 60})
    assert (status, list(answer["presigned"]), answer["expires_in"]) == (200, asked, 60)
    assert client.put(answer["presigned"][bare], b"one")[0] == 200
    assert client.presign_objects(asked)[1]["present"] == [bare]


def test_what_has_arrived_is_not_asked_for_again(client: PushClient, history: History) -> None:
    first, *rest = history.contents
    client.put_objects({first: history.contents[first]})
    answer = client.presign_objects(history.contents)[1]
    assert (answer["present"], set(answer["presigned"])) == ([first], set(rest))
    client.put_objects(history.contents)
    assert client.confirm_objects(history)[0] == 200
    assert set(client.presign_objects(history.contents)[1]["present"]) == set(history.contents)
    client.wait_promoted()
    assert set(client.presign_objects(history.contents)[1]["present"]) == set(history.contents)


def test_announced_objects_that_are_there_already_need_no_second_upload(client: PushClient, history: History) -> None:
    assert client.push(make_history(FILES))[0] == 200
    new = digest(client.url.encode())
    client.put_objects({new: history.contents[new]})
    status, answer = client.confirm_objects(history, "other")
    assert (status, answer["stored_objects"]) == (200, 1), answer
    assert answer["already_present_objects"] == len(history.contents) - 1


def test_an_object_that_never_arrived_is_named_and_nothing_has_changed(client: PushClient, history: History) -> None:
    missing = digest(client.url.encode())
    rest = {object_id: content for object_id, content in history.contents.items() if object_id != missing}
    client.put_objects(rest)
    for ids in (history.contents, [*history.contents, UNKNOWN]):
        status, answer = client.confirm_objects(history, ids=ids)
        assert (status, error_code(answer)) == (422, "integrity")
        assert answer["error"]["details"]["rule"] == "arrived"
        assert answer["error"]["details"]["missing"][0] == missing[7:]
        assert answer["error"]["details"]["missing_objects"] == len(ids) - len(rest)
    status, answer = client.confirm_objects(history, ids=rest)
    assert (status, error_code(answer)) == (422, "integrity"), "a snapshot names it, announced or not"
    assert client.heads() == {}
    client.put_objects(history.contents)
    assert client.confirm_objects(history)[0] == 200


def test_other_bytes_than_were_announced_are_named_and_asked_for_again(client: PushClient, history: History) -> None:
    """The embedded store refuses them itself; MinIO does when it was told the digest, and else the hub finds them."""
    changed = digest(client.url.encode())
    sent = {**history.contents, changed: b"x" * len(history.contents[changed])}
    on_minio = isinstance(client.hub, MinioHub)
    for pinned in (True, False):
        answer = client.presign_objects([changed], put_headers=pinned)[1]
        headers = {"Content-Type": "application/octet-stream", **answer["headers"].get(changed, {})}
        response = httpx.put(answer["presigned"][changed], content=sent[changed], headers=headers, trust_env=False)
        assert response.status_code == ((400 if pinned else 200) if on_minio else 422)
    client.put_objects({name: content for name, content in history.contents.items() if name != changed})
    assert (changed in client.presign_objects([changed])[1]["present"]) == on_minio
    status, answer = client.confirm_objects(history)
    assert (status, error_code(answer), client.heads()) == (422, "integrity", {})
    details = answer["error"]["details"]
    assert changed[7:] in (details.get("object_id"), *details.get("missing", []))
    assert client.put_objects(history.contents, put_headers=True)[1]["headers"].keys() == {changed}
    assert client.confirm_objects(history)[0] == 200
    assert client.read_object(changed) == history.contents[changed]


def test_the_same_confirm_gives_the_same_answer(client: PushClient, history: History) -> None:
    client.put_objects(history.contents)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.confirm_objects(history, expected_head=None), range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["push_id"] for _, answer in answers}) == 1
    later = make_history(FILES, {**FILES, "text": client.url.encode()}, {"text": b"la la"}, {"more": b"more"})
    assert client.push(later)[0] == 200
    status, answer = client.confirm_objects(history, expected_head=None)
    assert (status, answer["push_id"]) == (200, answers[0][1]["push_id"]), "its lease does not hold any more"
    assert client.heads() == {"main": later.head}


def test_the_same_push_wanted_anew_moves_the_branch_anew(client: PushClient) -> None:
    base, top = make_history({"a": b"1"}), make_history({"a": b"1"}, {"a": b"2"})
    assert client.push(base)[0] == 200
    client.put_objects(top.contents)
    lease = {"expected_head": base.head}
    first = client.confirm_objects(top, **lease)[1]
    assert client.push(base, force=True, expected_head=top.head)[0] == 200
    status, second = client.confirm_objects(top, **lease)
    assert (status, second["previous_head"]) == (200, base.head)
    assert second["push_id"] != first["push_id"]
    assert client.heads() == {"main": top.head}


def test_two_pushes_may_share_what_was_sent_once(client: PushClient, history: History) -> None:
    client.put_objects(history.contents)
    branches = [f"b{number}" for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda branch: client.confirm_objects(history, branch), branches))
    assert {status for status, _ in answers} == {200}, answers
    assert client.heads() == dict.fromkeys(branches, history.head)


def test_a_put_after_confirm_changes_nothing(client: PushClient, history: History) -> None:
    urls = client.presign_objects(history.contents)[1]["presigned"]
    client.put_objects(history.contents)
    assert client.confirm_objects(history)[0] == 200
    client.wait_promoted()
    others = staged(client.hub)
    with unchanged(client.hub):
        assert client.put(urls[EMPTY], b"")[0] == 200
    for object_id, content in history.contents.items():
        assert client.read_object(object_id) == content
    (left,) = staged(client.hub) - others
    assert left.endswith(EMPTY[7:]), "swept when nobody can have a use for it"


def test_objects_over_the_limit_are_refused_before_they_are_sent(hub: HubProcess) -> None:
    options = ("--max-object-bytes", "1000")
    if isinstance(hub, MinioHub):  # at a place of its own: a store has one hub
        made: HubProcess = MinioHub(replace(hub.place, prefix=f"{hub.place.prefix[:-1]}-limited/"), *options)
    else:
        made = HubProcess(*options)
    large = os.urandom(2000)
    history = make_history({"large": large})
    with made as limited, PushClient(limited) as client:
        status, answer = client.presign_objects([digest(large)], sizes=[2000])
        assert (status, error_code(answer), client.heads()) == (413, "too_large", {})
        assert client.put_objects(history.contents)[0] == (413 if made.url and not isinstance(made, MinioHub) else 200)
        status, answer = client.confirm_objects(history)
        assert status in (413, 422) and client.heads() == {}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"object_ids": None}, "invalid"),
        ({"object_ids": "x"}, "invalid"),
        ({"object_ids": [1]}, "invalid"),
        ({"object_ids": ["x"]}, "invalid"),
        ({"sizes": [1, 2]}, "invalid"),
        ({"sizes": ["1"]}, "invalid"),
        ({"put_headers": 1}, "invalid"),
        ({"object_ids": [f"{number:064x}" for number in range(10_001)]}, "too_large"),
    ],
)
def test_presign_names_what_is_wrong(client: PushClient, fields: dict[str, object], code: str) -> None:
    status, answer = client.post("push/presign", {"object_ids": [UNKNOWN], **fields})
    assert error_code(answer) == code and status in (413, 422)
    assert client.get("refs").status_code == 404, "no repository is made"


@pytest.mark.parametrize(
    "fields",
    [
        {"head": None},
        {"head": "x"},
        {"branch": "a..b"},
        {"object_ids": {}},
        {"object_ids": [b"x"]},
        {"commits": {}},
        {"snapshots": [1]},
        {"objects": []},
        {"force": "yes"},
    ],
)
def test_confirm_names_what_is_wrong(client: PushClient, fields: dict[str, Any]) -> None:
    status, answer = client.confirm_objects(make_history({}), **fields)
    assert (status, error_code(answer)) == (422, "invalid")


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x81", b"[]", pack([1]), pack({}) + b"x", compress(pack({}))[:-1]])
def test_a_confirm_that_is_none_is_refused(client: PushClient, body: bytes) -> None:
    status, answer = client.post_bytes("push/confirm", body)
    assert status == 422 and error_code(answer) in ("invalid", "integrity")


def test_an_url_is_for_one_object_and_one_user(client: PushClient) -> None:
    one, two = digest(b"one"), digest(b"two")
    urls = client.presign_objects([one, two])[1]["presigned"]
    swapped = urls[one].replace(one[7:], two[7:])
    assert httpx.put(swapped, content=b"two", trust_env=False).status_code == 403
    assert httpx.get(urls[one], trust_env=False).status_code in (403, 404, 405)
    bob = client.hub.new_user(f"bob{time.monotonic_ns()}")
    with PushClient(client.hub, owner="ada", token=bob, slug=client.url.rpartition("/")[2]) as stranger:
        assert stranger.presign_objects([one])[0] == 404


def test_a_confirm_of_records_alone_needs_no_presign(client: PushClient) -> None:
    history = make_history({})
    status, answer = client.confirm_objects(history)
    assert (status, answer["stored_objects"], answer["promotion"]) == (200, 0, "done")
    assert client.heads() == {"main": history.head}


def test_staged_objects_outlive_a_restart_and_go_when_they_are_old() -> None:
    history = make_history(FILES)
    with HubProcess() as hub, PushClient(hub) as client:
        client.put_objects(history.contents)
        old = next((hub.data_dir / "store" / "staging").iterdir())
        day_ago = time.time() - 26 * 3600
        os.utime(old, (day_ago, day_ago))
        hub.restart()
        wait_until(lambda: not old.exists())
        answer = client.presign_objects(history.contents)[1]
        assert len(answer["present"]) == len(history.contents) - 1
        assert [object_id[7:] for object_id in answer["presigned"]] == [old.name[-64:]]
        client.put_objects(history.contents)
        assert client.confirm_objects(history)[0] == 200
