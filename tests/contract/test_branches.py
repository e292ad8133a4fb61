"""How many branches a repository may have, how they are deleted, and how many of them are still worked with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest

from museui.core.ids import CommitId
from tests.helpers.hub import HubProcess
from tests.helpers.hub_index import made_id, seed_repository
from tests.helpers.postgresql import NewDatabase
from tests.helpers.program import Museui
from tests.helpers.push_client import PushClient, compress, error_code, read_answer
from tests.helpers.records import History, make_history, pack
from tests.helpers.workload import RepositoryBuilder

MANY = 70_000
OLD_CLIENT_BYTES = 16 << 20
"""The longest answer that a client takes."""
JSON = {"Accept": "application/json", "Content-Type": "application/json"}
SONG = make_history({"verse": b"la"})
MORE = make_history({"verse": b"la"}, {"verse": b"la la"})
OTHER = make_history({"verse": b"other"})


@pytest.fixture(scope="module")
def hub(new_database: NewDatabase) -> Iterator[HubProcess]:
    with HubProcess("--max-branches", "4", database=new_database()) as process:
        process.bob = process.new_user("bob")  # type: ignore[attr-defined]
        yield process


@pytest.fixture
def song(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A repository of ada's for each test, with one commit on ``main``; bob may write to it."""
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as client:
        assert client.push(SONG)[0] == 200
        assert client.http.put(f"{client.url}/collaborators/bob", json={"access": "write"}, headers=JSON).is_success
        yield client


def _as_bob(song: PushClient) -> PushClient:
    return PushClient(song.hub, song.url.rpartition("/")[2], token=song.hub.bob)  # type: ignore[attr-defined]


def _new_user(hub: HubProcess, name: str) -> str:
    hub.command_here("user", "create", name)
    return hub.command_here("token", "create", name)


def _delete(client: PushClient, branch: str, **query: str) -> tuple[int, Any]:
    return read_answer(client.http.delete(f"{client.url}/branches/{branch}", params=query))


def _frames(history: History, branch: str) -> bytes:
    frames: list[Any] = [["H", {"branch": branch, "head": history.head, "force": False}]]
    frames += [["S", record] for record in history.snapshots]
    frames += [["O", [object_id, content]] for object_id, content in history.contents.items()]
    return b"".join(map(pack, [*frames, *(["C", record] for record in history.commits), ["E", {}]]))


def test_one_branch_too_many_is_refused_by_every_way_and_before_a_byte_is_sent(song: PushClient) -> None:
    for number in range(3):
        assert song.push(SONG, f"b/{number}")[0] == 200
    wire = compress(pack(SONG.bundle()))
    for status, answer in (
        song.presign(wire, branch="b/3", head=SONG.head),
        song.post_bytes(f"push/unpack?branch=b/3&head={SONG.head}", wire),
        song.post_bytes("push/stream", _frames(SONG, "b/3")),
        song.push(SONG, "b/3"),
        song.post("push", {"bundle": SONG.bundle(), "branch": "b/3", "force": False}),
    ):
        assert (status, error_code(answer)) == (413, "too_large")
        assert answer["error"]["details"] == {"branches": 4, "max_branches": 4}
        assert "--delete" in answer["error"]["hint"]
    assert song.push(MORE)[0] == 200, "what is there goes on"
    assert _delete(song, "b/2")[0] == 200
    assert song.push(SONG, "b/3")[0] == 200


def test_a_collaborator_who_fills_a_repository_is_cleaned_up_after(song: PushClient) -> None:
    with _as_bob(song) as bob:
        for number in range(3):
            assert bob.push(SONG, f"b{number}")[0] == 200
        assert bob.push(SONG, "b3")[0] == 413
    assert [_delete(song, f"b{number}")[0] for number in range(3)] == [200] * 3
    assert song.push(OTHER, "mine")[0] == 200
    assert song.heads() == {"main": SONG.head, "mine": OTHER.head}


def test_a_branch_is_deleted_by_who_may_write_and_that_is_told_and_recorded(song: PushClient) -> None:
    assert song.push(OTHER, "take/öne")[0] == 200
    with _as_bob(song) as bob:
        status, answer = _delete(bob, "take/öne", expected_head=OTHER.head)
        assert (status, answer) == (
            200,
            {"ok": True, "branch": "take/öne", "previous_head": OTHER.head},
        )
        assert (_delete(bob, "take/öne")[0], _delete(bob, "never")[0]) == (404, 404)
    assert song.heads() == {"main": SONG.head}
    refs = song.http.get(f"{song.url}/refs", headers=JSON).json()
    assert refs["removed"] == {"take/öne": OTHER.head}
    (move, *_) = song.http.get(f"{song.url}/audit", headers=JSON).json()["moves"]
    told = {name: move[name] for name in ("user", "branch", "old_head", "new_head", "forced", "push_id")}
    assert told == {
        "user": "bob",
        "branch": "take/öne",
        "old_head": OTHER.head,
        "new_head": None,
        "forced": True,
        "push_id": None,
    }
    assert "deleted" in song.hub.command_here("repo", "audit", "/".join(song.url.split("/")[-2:]))
    assert song.push(OTHER, "take/öne", expected_head=None)[0] == 200, "the same push again brings it back"
    assert song.heads() == {"main": SONG.head, "take/öne": OTHER.head}
    assert song.http.get(f"{song.url}/refs", headers=JSON).json()["removed"] == {}


@pytest.mark.parametrize("branch", ["a b", "x#y?z%41", "über/ñ"])
def test_a_branch_of_any_name_can_be_deleted(song: PushClient, branch: str) -> None:
    from urllib.parse import quote

    assert song.push(OTHER, branch)[0] == 200
    assert read_answer(song.http.delete(f"{song.url}/branches/{quote(branch)}"))[0] == 200
    assert song.heads() == {"main": SONG.head}


def test_what_must_not_be_deleted_stays(song: PushClient) -> None:
    song.push(OTHER, "kept")
    song.http.put(f"{song.url}/protected/k*", json={}, headers=JSON).raise_for_status()
    status, answer = _delete(song, "kept")
    assert (status, answer["error"]["details"]["rule"]) == (403, "protected")
    status, answer = _delete(song, "main")
    assert (status, answer["error"]["details"]["rule"]) == (422, "default_branch")
    song.http.put(f"{song.url}/protected/k*", json={"allows_force": True}, headers=JSON).raise_for_status()
    for lease in (SONG.head, "nonsense"):
        assert _delete(song, "kept", expected_head=lease)[0] == (409 if lease == SONG.head else 422)
    for token, status in (
        (_new_user(song.hub, f"s{song.url[-6:]}"), 404),
        (song.hub.command_here("token", "create", "ada", "--scope", "read"), 403),
        ("nonsense", 401),
    ):
        with PushClient(song.hub, song.url.rpartition("/")[2], token=token) as other:
            assert _delete(other, "kept")[0] == status
    song.http.put(f"{song.url}/collaborators/bob", json={"access": "read"}, headers=JSON).raise_for_status()
    with _as_bob(song) as bob:
        assert _delete(bob, "kept")[0] == 403
    assert song.heads() == {"main": SONG.head, "kept": OTHER.head}
    assert _delete(song, "kept")[0] == 200


def test_refs_say_what_one_may_do(song: PushClient) -> None:
    song.http.patch(song.url, json={"visibility": "public"}, headers=JSON).raise_for_status()
    read = song.hub.command_here("token", "create", "ada", "--scope", "read")
    bearers = {None: "read", read: "read", song.hub.bob: "write", song.hub.token: "admin"}  # type: ignore[attr-defined]
    for token, access in bearers.items():
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        assert httpx.get(f"{song.url}/refs", headers=headers, trust_env=False).json()["access"] == access


@pytest.fixture(scope="module")
def crowd() -> Iterator[HubProcess]:
    """A hub of before the limit: one repository with seventy thousand branches of the longest names."""
    with HubProcess() as hub, PushClient(hub, "crowd") as client:
        assert client.push(SONG)[0] == 200
        heads = {f"{number:06}".ljust(240, "b"): made_id(number % 100) for number in range(MANY)}
        seed_repository(hub.data_dir, "ada", "crowd", {made_id(number): [] for number in range(100)}, heads)
        yield hub


def test_an_older_client_gets_an_answer_that_it_takes_with_what_moved_last(crowd: HubProcess) -> None:
    with PushClient(crowd, "crowd") as client:
        for headers in ({"Accept": "application/json"}, {}):
            answer = client.http.get(f"{client.url}/refs", headers=headers)
            assert answer.status_code == 200
            assert len(answer.content) < OLD_CLIENT_BYTES
            heads = read_answer(answer)[1]["branch_heads"]
            assert "main" in heads
            assert len(heads) > MANY // 2


def test_pages_have_every_branch_once_and_the_one_that_was_asked_for(crowd: HubProcess) -> None:
    with PushClient(crowd, "crowd") as client:
        found: list[str] = []
        query: dict[str, str] = {"limit": "30000"}
        while True:
            page = msgpack.unpackb(client.http.get(f"{client.url}/refs", params=query).content)
            found += page["branch_heads"]
            if page["next"] is None:
                break
            query["after"] = page["next"]
        assert sorted(found) == sorted(set(found))
        assert len(found) == MANY + 1
        one = client.http.get(f"{client.url}/refs", params={"limit": "1", "branch": "main"})
        assert len(msgpack.unpackb(one.content)["branch_heads"]) == 2
        for limit in ("0", "1000000", "x"):
            assert client.http.get(f"{client.url}/refs", params={"limit": limit}).status_code == 422


def test_a_push_to_a_crowd_goes_on_and_a_branch_of_it_can_be_deleted(
    crowd: HubProcess, museui: Museui, tmp_path: Path
) -> None:
    builder = RepositoryBuilder(tmp_path / "mine")
    builder.commit({"verse": b"of mine"})
    url, token = crowd.repository("mine"), {"MUSEUI_TOKEN": crowd.token}
    museui("remote", "add", "origin", url, cwd=builder.root)
    assert museui("push", builder.root, "--no-daemon", **token).code == 0
    graph: dict[CommitId, list[CommitId]] = {CommitId(made_id(number)): [] for number in range(10)}
    heads = {f"{number:06}".ljust(240, "b"): made_id(number % 10) for number in range(MANY)}
    seed_repository(crowd.data_dir, "ada", "mine", graph, heads)
    builder.commit({"verse": b"of mine", "second": b"verse"})
    pushed = museui("push", builder.root, "--no-daemon", "--json", **token)
    assert pushed.code == 0, pushed
    assert pushed.document["commits"] == 1, "what is common is found, though the hub does not tell all of its branches"
    gone = "000007".ljust(240, "b")
    refused = museui("push", builder.root, "--delete", gone, **token)
    assert refused.code == 4, refused
    assert "does not have" in refused.err
    assert museui("push", builder.root, "--delete", gone, "--force", **token).code == 0
    assert (
        gone
        not in msgpack.unpackb(
            httpx.get(
                f"{url}/refs", params={"limit": 9}, headers=crowd.headers | {"Accept": "application/x-msgpack"}
            ).content
        )["branch_heads"]
    )
