"""``POST fetch``: what was pushed comes back whole, in each of its forms, and no more of it than the client lacks."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any

import httpx
import msgpack
import pytest

from museui.core.frames import MAGIC, iter_raw
from tests.helpers import bundles
from tests.helpers.hub import HubProcess
from tests.helpers.postgresql import NewDatabase
from tests.helpers.push_client import MSGPACK, WAIT_S, PushClient, error_code, read_answer
from tests.helpers.records import History, commit_record, digest, make_history, pack, snapshot_record

ZSTD = "application/zstd"
BINARY = random.Random(1).randbytes(3 << 20)
HISTORY = make_history({"a": b"one", "big": BINARY}, {"a": b"two", "big": BINARY, "e": b""}, {"a": b"one", "ü/x": b"x"})


@pytest.fixture(scope="module")
def hub(new_database: NewDatabase) -> Iterator[HubProcess]:
    with HubProcess(database=new_database()) as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        yield made


def _fetch(client: PushClient, want: list[str], have: list[str] | None = None, accept: str = ZSTD) -> httpx.Response:
    body = pack({"want": want, "have": have or []})
    return client.http.post(f"{client.url}/fetch", content=body, headers={"Accept": accept}, timeout=WAIT_S)


def _contents(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    found = bundles.contents(iter_raw([response.content], 1 << 30))
    found["snapshots"] = {record["snapshot_id"]: record for record in found["snapshots"]}
    return found


def _bare(value: Any) -> Any:
    """The same with bare ids."""
    if isinstance(value, dict):
        return {_bare(key): _bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return value.removeprefix("sha256:") if isinstance(value, str) else value


@pytest.mark.parametrize("promoted", [False, True])
def test_what_was_pushed_comes_back(client: PushClient, promoted: bool) -> None:
    client.push(HISTORY)
    if promoted:
        client.wait_promoted()
    response = _fetch(client, [HISTORY.head])
    assert response.headers["content-type"] == ZSTD
    assert response.content.startswith(MAGIC)
    found = _contents(response)
    assert found["commits"] == HISTORY.commits
    assert found["snapshots"] == {record["snapshot_id"]: record for record in HISTORY.snapshots}
    assert found["objects"] == HISTORY.contents
    assert found["branch_heads"] == {"main": HISTORY.head[7:]}
    assert found["meta"]["mode"] == "full"


def test_plain_msgpack_has_bare_ids(client: PushClient) -> None:
    client.push(HISTORY)
    response = _fetch(client, [HISTORY.head[7:]], accept=MSGPACK)
    assert response.headers["content-type"] == MSGPACK
    found = msgpack.unpackb(response.content)
    assert found["commits"] == _bare(HISTORY.commits)
    assert found["snapshots"] == _bare(HISTORY.snapshots)
    assert {item["object_id"]: item["content"] for item in found["objects"]} == _bare(HISTORY.contents)
    assert found["branch_heads"] == {"main": HISTORY.head[7:]}


def test_json_has_base64_and_is_for_small_answers(client: PushClient) -> None:
    small = make_history({"a": b"\x00\xff"})
    client.push(small)
    found = _fetch(client, [small.head], accept="application/json").json()
    contents = {item["object_id"]: base64.b64decode(item["content"]) for item in found["objects"]}
    assert contents == _bare(small.contents)
    large = make_history({"a": bytes(17 << 20)})
    client.push(large, "large")
    response = _fetch(client, [large.head], accept="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_only_what_the_client_lacks_is_sent(client: PushClient) -> None:
    client.push(HISTORY)
    first, second, third = (commit["commit_id"] for commit in HISTORY.commits)
    found = _contents(_fetch(client, [third], [first, "f" * 64]))
    assert [commit["commit_id"] for commit in found["commits"]] == [second, third]
    assert found["snapshots"].keys() == {record["snapshot_id"] for record in HISTORY.snapshots[1:]}
    assert set(found["objects"].values()) == {b"two", b"", b"x"}
    assert (found["meta"]["mode"], found["meta"]["base_commits"]) == ("incremental", [first[7:]])
    for want, have in (([third], [third]), ([first], [third]), ([], []), ([], [first])):
        found = _contents(_fetch(client, want, have))
        assert (found["commits"], found["snapshots"], found["objects"]) == ([], {}, {})


def test_a_snapshot_the_client_has_is_not_sent_again(client: PushClient) -> None:
    client.push(HISTORY)
    back = commit_record(HISTORY.snapshots[0]["snapshot_id"], [HISTORY.commits[0]["commit_id"]], "the same tree")
    client.push(History([back]), "other")
    found = _contents(_fetch(client, [back["commit_id"]], [HISTORY.commits[0]["commit_id"]]))
    assert (found["commits"], found["snapshots"], found["objects"]) == ([back], {}, {})


def test_a_merge_is_fetched_from_either_side(client: PushClient) -> None:
    trees = [snapshot_record({"f": content}) for content in (b"0", b"l", b"r", b"m")]
    contents = {digest(content): content for content in (b"0", b"l", b"r", b"m")}
    base = commit_record(trees[0]["snapshot_id"])
    left = commit_record(trees[1]["snapshot_id"], [base["commit_id"]])
    right = commit_record(trees[2]["snapshot_id"], [base["commit_id"]])
    merge = commit_record(trees[3]["snapshot_id"], [left["commit_id"], right["commit_id"]])
    client.push(History([base, left, right, merge], trees, contents))
    for side, missing in ((left, right), (right, left)):
        found = _contents(_fetch(client, [merge["commit_id"]], [side["commit_id"]]))
        assert [commit["commit_id"] for commit in found["commits"]] == [missing["commit_id"], merge["commit_id"]]
        assert len(found["objects"]) == 2


def test_a_wanted_commit_must_be_in_this_repository(hub: HubProcess, client: PushClient) -> None:
    client.push(HISTORY)
    elsewhere = make_history({"only": b"elsewhere"})
    with PushClient(hub, "the-other") as other:
        other.push(elsewhere)
    answers = []
    for missing in (elsewhere.head, "sha256:" + "f" * 64):
        status, answer = read_answer(_fetch(client, [HISTORY.head, missing], accept=MSGPACK))
        assert (status, error_code(answer)) == (404, "not_found")
        assert answer["error"]["details"] == {"missing": missing[7:]}
        answers.append(answer["error"]["message"].replace(missing[7:], ""))
    assert answers[0] == answers[1]


def test_a_private_repository_is_fetched_by_its_owner_alone(hub: HubProcess, client: PushClient) -> None:
    client.push(HISTORY)
    body = pack({"want": [HISTORY.head], "have": []})
    headers = {"Content-Type": MSGPACK, "Accept": ZSTD}
    response = httpx.post(f"{client.url}/fetch", content=body, headers=headers, trust_env=False)
    missing = httpx.post(f"{hub.repository('no-such')}/fetch", content=body, headers=headers, trust_env=False)
    assert response.status_code == missing.status_code == 404
    assert response.content == missing.content
    hub.command("repo", "visibility", "ada/" + client.url.rpartition("/")[2], "public")
    response = httpx.post(f"{client.url}/fetch", content=body, headers=headers, trust_env=False)
    assert _contents(response)["objects"] == HISTORY.contents


def test_a_client_that_leaves_halfway_leaves_a_hub_that_serves(client: PushClient) -> None:
    large = make_history({f"{number}": random.Random(number).randbytes(1 << 20) for number in range(24)})
    client.push(large)
    body = pack({"want": [large.head], "have": []})
    for _ in range(3):
        with client.http.stream("POST", f"{client.url}/fetch", content=body, headers={"Accept": ZSTD}) as response:
            assert len(next(response.iter_raw())) > 0
    assert _contents(_fetch(client, [large.head]))["objects"] == large.contents


def test_pushes_of_many_bundles_come_back_as_one(client: PushClient) -> None:
    commits: list[dict[str, Any]] = []
    contents: dict[str, bytes] = {}
    for number in range(12):
        files = {"a": b"%d" % number, "b": b"%d" % (number // 3)}
        tree = snapshot_record(files)
        commits.append(commit_record(tree["snapshot_id"], [commits[-1]["commit_id"]] if commits else []))
        new = {digest(content): content for content in files.values()}
        contents |= new
        assert client.push(History([commits[-1]], [tree], new))[0] == 200
    found = _contents(_fetch(client, [commits[-1]["commit_id"]]))
    assert (found["commits"], found["objects"]) == (commits, contents)
