"""Tags and releases: stored, replaced and given back as they came, to those who may see them, within limits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.attacks import BASE, attacked_hub
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.program import Museui
from tests.helpers.push_client import MSGPACK, PushClient, error_code, read_answer
from tests.helpers.records import make_history, pack

HEAD = BASE.head[7:]
TAG = {"tag_id": "t-1", "repo_id": "r-1", "commit_id": HEAD, "tag": "first", "created_at": "2026-01-01T00:00:00+00:00"}
RELEASE = {
    "tag": "v1.0.0",
    "channel": "stable",
    "is_draft": False,
    "commit_id": HEAD,
    "semver": {"major": 1},
    "x": [1.5],
}
DRAFT = {"tag": "v2/dräft", "channel": "beta", "is_draft": True, "notes": "n\n" * 10}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def bob(hub: HubProcess) -> str:
    return hub.new_user("bob")


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A client of a repository of its own that holds BASE."""
    slug = "".join(c if c.isalnum() else "-" for c in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        assert made.push(BASE)[0] == 200
        made.wait_promoted()
        yield made


@pytest.fixture
def song(hub: HubProcess) -> Iterator[PushClient]:
    """A client of a repository that nobody changes."""
    with PushClient(hub) as made:
        yield made


def _tags(client: PushClient) -> list[Any]:
    found: list[Any] = read_answer(client.get("tags"))[1]["tags"]
    return found


def _releases(client: PushClient, query: str = "") -> list[Any]:
    found: list[Any] = read_answer(client.get(f"releases{query}"))[1]["releases"]
    return found


def _delete(client: PushClient, tag: str) -> tuple[int, Any]:
    return read_answer(client.http.delete(f"{client.url}/releases/{tag}"))


def test_tags_come_back_as_they_were_sent(client: PushClient) -> None:
    assert _tags(client) == []
    other = {
        **TAG,
        "tag_id": "t-2",
        "commit_id": BASE.commits[0]["commit_id"],
        "tag": "zwei Wörter",
        "new": {"a": [None]},
    }
    assert client.post("tags", {"tags": [TAG, other]}) == (200, {"stored": 2})
    assert _tags(client) == [TAG, {**other, "commit_id": other["commit_id"][7:]}]
    assert client.post("tags", {"tags": [TAG, other]}) == (200, {"stored": 0})
    moved = {**TAG, "commit_id": BASE.commits[0]["commit_id"][7:]}
    assert client.post("tags", {"tags": [TAG, moved]}) == (200, {"stored": 1})
    assert sorted(_tags(client), key=lambda tag: str(tag["tag_id"]))[0] == moved
    assert client.post("tags", {"tags": []}) == (200, {"stored": 0})
    as_json = client.http.get(f"{client.url}/tags", headers={"Accept": "application/json"}).json()["tags"]
    assert as_json == _tags(client)


def test_a_clone_has_what_is_tagged_though_no_branch_leads_there(
    hub: HubProcess, client: PushClient, museui: Museui, tmp_path: Path
) -> None:
    assert client.post("tags", {"tags": [TAG]})[0] == 200
    assert client.push(make_history({"other": b"history"}), force=True)[0] == 200
    cloned = museui("clone", client.url, "clone", MUSEUI_TOKEN=hub.token)
    assert cloned.code == 0, cloned.err
    muse = tmp_path / "clone" / ".muse"
    assert json.loads((muse / "tags" / "r-1" / "t-1.json").read_text()) == TAG
    assert (muse / "commits" / f"{HEAD}.json").exists()
    mine = json.dumps(TAG | {"tag": "mine"})
    (muse / "tags" / "r-1" / "t-1.json").write_text(mine)
    fetched = museui("-C", "clone", "fetch", MUSEUI_TOKEN=hub.token)
    assert fetched.code == 0, fetched.err
    assert (muse / "tags" / "r-1" / "t-1.json").read_text() == mine


BAD_TAGS: dict[str, tuple[Any, str]] = {
    "no map": ([TAG], "invalid"),
    "no tags": ({}, "invalid"),
    "tags are text": ({"tags": "first"}, "invalid"),
    "a tag is text": ({"tags": ["first"]}, "invalid"),
    "an id that leads out": ({"tags": [{**TAG, "tag_id": "../../x"}]}, "invalid"),
    "a repository that leads out": ({"tags": [{**TAG, "repo_id": "../x"}]}, "invalid"),
    "no id": ({"tags": [{**TAG, "tag_id": None}]}, "invalid"),
    "a long id": ({"tags": [{**TAG, "tag_id": "x" * 65}]}, "invalid"),
    "no name": ({"tags": [{**TAG, "tag": ""}]}, "invalid"),
    "a name of two lines": ({"tags": [{**TAG, "tag": "a\nb"}]}, "invalid"),
    "a long name": ({"tags": [{**TAG, "tag": "x" * 256}]}, "invalid"),
    "a time that is a number": ({"tags": [{**TAG, "created_at": 7}]}, "invalid"),
    "no commit": ({"tags": [{**TAG, "commit_id": "main"}]}, "invalid"),
    "a commit that is not there": ({"tags": [TAG, {**TAG, "tag_id": "t-9", "commit_id": "f" * 64}]}, "integrity"),
    "bytes": ({"tags": [{**TAG, "new": b"x"}]}, "invalid"),
    "not a number": ({"tags": [{**TAG, "new": math.nan}]}, "invalid"),
    "too many": ({"tags": [{**TAG, "tag_id": f"t{number}"} for number in range(1001)]}, "too_large"),
    "too long": ({"tags": [{**TAG, "new": "x" * (1 << 20)}]}, "too_large"),
}


@pytest.mark.parametrize("what", BAD_TAGS)
def test_tags_that_break_a_rule_change_nothing(hub: HubProcess, song: PushClient, what: str) -> None:
    body, code = BAD_TAGS[what]
    with unchanged(hub):
        status, answer = song.post("tags", body)
        assert (status, error_code(answer)) == (413 if code == "too_large" else 422, code)
        assert answer["detail"] == answer["error"]["message"]


def test_a_commit_of_another_repository_answers_like_one_that_nobody_has(hub: HubProcess, song: PushClient) -> None:
    elsewhere = make_history({"only": b"elsewhere"})
    with PushClient(hub, "elsewhere") as other:
        assert other.push(elsewhere)[0] == 200
        other.wait_promoted()
    with unchanged(hub):
        for path, record in (("tags", TAG), ("releases", RELEASE)):
            answers = []
            for missing in (elsewhere.head[7:], "f" * 64):
                named = {**record, "commit_id": missing}
                status, answer = song.post(path, {"tags": [named]} if path == "tags" else named)
                answers.append((status, repr(answer).replace(missing, "")))
            assert answers[0] == answers[1]
            assert answers[0][0] == 422


def test_the_tags_of_a_repository_are_bounded(client: PushClient) -> None:
    long = {**TAG, "new": "x" * 900_000}
    for number in range(4):
        assert client.post("tags", {"tags": [{**long, "tag_id": f"t{number}"}]})[0] == 200
    status, answer = client.post("tags", {"tags": [{**long, "tag_id": "t4"}]})
    assert (status, error_code(answer)) == (413, "too_large")
    assert {tag["tag_id"] for tag in _tags(client)} == {"t0", "t1", "t2", "t3"}


def test_a_release_comes_back_with_every_field_it_had(client: PushClient) -> None:
    assert _releases(client) == []
    status, answer = client.post("releases", RELEASE)
    assert (status, answer["ok"], answer["tag"], answer["release"]) == (200, True, "v1.0.0", RELEASE)
    assert client.post("releases", DRAFT)[0] == 200
    assert _releases(client) == [RELEASE]
    assert _releases(client, "?include_drafts=1") == [DRAFT, RELEASE]
    assert _releases(client, "?channel=stable") == [RELEASE]
    assert _releases(client, "?channel=beta") == []
    assert _releases(client, "?channel=beta&include_drafts=1") == [DRAFT]
    published = {**DRAFT, "is_draft": False, "release_id": "r-2"}
    assert client.post("releases", published)[1]["release_id"] == "r-2"
    assert client.post("releases", published)[0] == 200
    assert _releases(client) == [published, RELEASE]


def test_a_release_is_deleted_once(client: PushClient) -> None:
    for record in (RELEASE, DRAFT):
        assert client.post("releases", record)[0] == 200
    assert _delete(client, "v2%2Fdr%C3%A4ft") == (200, {"ok": True, "tag": "v2/dräft"})
    assert _releases(client, "?include_drafts=1") == [RELEASE]
    status, answer = _delete(client, "v2%2Fdr%C3%A4ft")
    assert (status, error_code(answer)) == (404, "not_found")
    assert _delete(client, "v1.0.0")[0] == 200
    assert _releases(client, "?include_drafts=1") == []


BAD_RELEASES: dict[str, tuple[Any, str]] = {
    "no map": ([RELEASE], "invalid"),
    "no tag": ({"channel": "stable"}, "invalid"),
    "a tag of two lines": ({"tag": "a\nb"}, "invalid"),
    "a long tag": ({"tag": "x" * 256}, "invalid"),
    "a channel that is a number": ({**RELEASE, "channel": 7}, "invalid"),
    "a long channel": ({**RELEASE, "channel": "x" * 101}, "invalid"),
    "a draft that is text": ({**RELEASE, "is_draft": "no"}, "invalid"),
    "a commit that is none": ({**RELEASE, "commit_id": "main"}, "invalid"),
    "a commit that is not there": ({**RELEASE, "commit_id": "f" * 64}, "integrity"),
    "bytes": ({**RELEASE, "new": b"x"}, "invalid"),
    "keys that are numbers": ({**RELEASE, "new": {1: 2}}, "invalid"),
    "too long": ({**RELEASE, "notes": "x" * (1 << 20)}, "too_large"),
}


@pytest.mark.parametrize("what", BAD_RELEASES)
def test_a_release_that_breaks_a_rule_changes_nothing(hub: HubProcess, song: PushClient, what: str) -> None:
    body, code = BAD_RELEASES[what]
    with unchanged(hub):
        status, answer = song.post("releases", body)
        assert (status, error_code(answer)) == (413 if code == "too_large" else 422, code)
        assert answer["detail"] == answer["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"", b"rubbish", b"\x91" * 200_000, pack({"tags": [TAG]})[:-3], pack(RELEASE) + b"\xc0"]
)
def test_a_body_that_is_no_message_changes_nothing(hub: HubProcess, song: PushClient, body: bytes) -> None:
    with unchanged(hub):
        for path in ("tags", "releases"):
            status, answer = song.post_bytes(path, body)
            assert (status, error_code(answer)) == (422, "invalid")


def test_the_releases_of_a_repository_are_bounded(client: PushClient) -> None:
    long = {"notes": "x" * 1_000_000}
    for number in range(16):
        assert client.post("releases", {**long, "tag": f"v{number}"})[0] == 200
    status, answer = client.post("releases", {**long, "tag": "v16"})
    assert (status, error_code(answer)) == (413, "too_large")
    assert client.post("releases", {"tag": "v0"})[0] == 200, "a shorter one in its place"
    assert client.post("releases", {**long, "tag": "v16"})[0] == 200
    assert len(_releases(client)) == 17


def test_who_may_read_sees_no_drafts_and_changes_nothing(hub: HubProcess, client: PushClient, bob: str) -> None:
    for record in (RELEASE, DRAFT):
        assert client.post("releases", record)[0] == 200
    assert client.post("tags", {"tags": [TAG]})[0] == 200
    name = "ada/" + client.url.rpartition("/")[2]
    reader = hub.command("token", "create", "ada", "--scope", "read")

    def ask(token: str | None, method: str, path: str, message: Any = None) -> tuple[int, bytes]:
        headers = {"Content-Type": MSGPACK} | ({"Authorization": f"Bearer {token}"} if token else {})
        content = pack(message) if message is not None else None
        answer = httpx.request(method, path, headers=headers, content=content, trust_env=False, verify=False)
        return answer.status_code, answer.content

    changes = [
        ("POST", "tags", {"tags": [TAG]}),
        ("POST", "releases", RELEASE),
        ("DELETE", "releases/v1.0.0", None),
    ]
    reads = [("GET", "tags", None), ("GET", "releases?include_drafts=1", None)]
    with unchanged(hub):
        for token in (bob, None):
            for method, path, message in reads + changes:
                seen = [ask(token, method, f"{hub.url}/{where}/{path}", message) for where in (name, "ada/none")]
                assert seen[0] == seen[1]
                assert seen[0][0] == (404 if token or method == "GET" else 401)
        assert [ask(reader, *change[:1], f"{client.url}/{change[1]}", change[2])[0] for change in changes] == [403] * 3
    hub.command("repo", "visibility", name, "public")
    with unchanged(hub):
        for token in (bob, None, reader):
            listed = ask(token, "GET", f"{client.url}/releases?include_drafts=1")
            assert (listed[0], b"v1.0.0" in listed[1], b"v2" in listed[1]) == (200, True, False)
            assert ask(token, "GET", f"{client.url}/tags")[0] == 200
        assert [ask(bob, *change[:1], f"{client.url}/{change[1]}", change[2])[0] for change in changes] == [403] * 3
