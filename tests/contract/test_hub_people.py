"""Who may do what, managed over HTTP: collaborators, settings, protected branches, keys; and who did what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgpack
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.postgresql import NewDatabase
from tests.helpers.push_client import MSGPACK, PushClient, error_code
from tests.helpers.records import make_history, pack, public_key

JSON = {"Accept": "application/json", "Content-Type": "application/json"}
SONG = make_history({"verse": b"la"})


@pytest.fixture(scope="module")
def hub(new_database: NewDatabase) -> Iterator[HubProcess]:
    with HubProcess(database=new_database()) as process:
        yield process


@pytest.fixture(scope="module")
def bob(hub: HubProcess) -> str:
    """The token of another user."""
    return hub.new_user("bob")


@pytest.fixture
def song(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A repository of ada's for each test, with one commit on ``main``."""
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as client:
        assert client.push(SONG)[0] == 200
        yield client


def _set(song: PushClient, path: str, **fields: object) -> httpx.Response:
    return song.http.put(f"{song.url}/{path}", json=fields, headers=JSON)


def test_a_collaborator_may_do_what_they_were_given_until_it_is_taken(
    hub: HubProcess, song: PushClient, bob: str
) -> None:
    slug = song.url.rpartition("/")[2]
    more = make_history({"verse": b"la"}, {"verse": b"la la"})
    (object_id,) = SONG.contents
    with PushClient(hub, slug, token=bob) as theirs:

        def statuses() -> list[int]:
            answers = [theirs.get("refs"), theirs.get("pushes"), theirs.get(f"/o/{object_id}")]
            return [*(answer.status_code for answer in answers), theirs.presign(b"x")[0]]

        assert statuses() == [404] * 4
        assert _set(song, "collaborators/bob", access="read").json()["access"] == "read"
        assert statuses() == [200, 200, 200, 403]
        assert _set(song, "collaborators/bob", access="write").status_code == 200
        assert statuses() == [200] * 4
        assert theirs.push(more)[0] == 200
        (push, _) = song.http.get(f"{song.url}/pushes", headers={"Accept": "application/json"}).json()["pushes"]
        assert push["user"] == "bob"
        assert theirs.http.delete(theirs.url).status_code == 403
        assert song.http.delete(f"{song.url}/collaborators/bob").status_code == 204
        assert statuses() == [404] * 4
        assert song.http.delete(f"{song.url}/collaborators/bob").status_code == 404


def test_an_administrator_may_do_what_the_owner_may(hub: HubProcess, song: PushClient, bob: str) -> None:
    slug = song.url.rpartition("/")[2]
    admin = hub.new_user("admin", "--scope", "admin")
    song.push(SONG)
    assert _set(song, "collaborators/admin", access="admin").status_code == 200
    with PushClient(hub, slug, token=admin) as theirs:
        assert _set(theirs, "collaborators/bob", access="read").status_code == 200
        listed = theirs.get("collaborators")
        assert [(item["user"], item["access"]) for item in msgpack.unpackb(listed.content)["collaborators"]] == [
            ("admin", "admin"),
            ("bob", "read"),
        ]
        assert theirs.http.delete(theirs.url).status_code == 204
        assert song.get("refs").status_code == 404
    last = json.loads(hub.command("repo", "audit", song.url.removeprefix(hub.url + "/"), "--limit", "1", "--json"))
    (gone,) = last["moves"]
    assert (gone["user"], gone["branch"], gone["old_head"], gone["new_head"]) == ("admin", "main", SONG.head, None)
    assert gone["token_id"] == admin.split("_")[1] and gone["request_id"]


@pytest.mark.parametrize(
    ("user", "fields", "status"),
    [
        ("nobody", {"access": "read"}, 404),
        ("ada", {"access": "read"}, 422),
        ("bob", {"access": "owner"}, 422),
        ("bob", {"access": 1}, 422),
        ("bob", {}, 422),
        ("BOB", {"access": "read"}, 404),
        ("b'b", {"access": "read"}, 404),
    ],
)
def test_a_collaborator_that_cannot_be_is_refused(
    song: PushClient, bob: str, user: str, fields: dict[str, object], status: int
) -> None:
    assert _set(song, f"collaborators/{user}", **fields).status_code == status
    assert msgpack.unpackb(song.get("collaborators").content)["collaborators"] == []


def _change(song: PushClient, **fields: object) -> httpx.Response:
    return song.http.patch(song.url, json=fields, headers=JSON)


def test_settings_change_one_by_one_and_the_rest_stays(song: PushClient) -> None:
    assert song.push(SONG, "other")[0] == 200
    before = _change(song).json()
    assert (before["visibility"], before["default_branch"]) == ("private", "main")
    assert _change(song, visibility="public").json() == {**before, "visibility": "public"}
    with httpx.Client(trust_env=False) as anybody:
        assert anybody.get(f"{song.url}/refs").json()["default_branch"] == "main"
        changed = _change(song, default_branch="other", visibility=None).json()
        assert changed == {**before, "visibility": "public", "default_branch": "other"}
        assert anybody.get(f"{song.url}/refs").json()["default_branch"] == "other"
        answer = song.http.patch(song.url, content=msgpack.packb({"visibility": "private"}))
        assert answer.headers["content-type"] == MSGPACK and msgpack.unpackb(answer.content)["visibility"] == "private"
        assert anybody.get(f"{song.url}/refs").status_code == 404


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"visibility": "secret"}, 422),
        ({"visibility": True}, 422),
        ({"default_branch": "none"}, 404),
        ({"default_branch": "../x"}, 422),
        ({"visibility": "public", "default_branch": "none"}, 404),
        ({"signing_policy": "some"}, 422),
    ],
)
def test_settings_that_cannot_be_change_nothing(song: PushClient, fields: dict[str, object], status: int) -> None:
    before = _change(song).json()
    assert _change(song, **fields).status_code == status
    assert _change(song).json() == before


def _get(song: PushClient, path: str) -> Any:
    answer = song.http.get(f"{song.url}/{path}", headers=JSON)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_patterns_are_set_replaced_listed_and_taken_away(song: PushClient) -> None:
    made = _set(song, "protected/release/*").json()
    assert (made["pattern"], made["allows_force"], made["signed_only"]) == ("release/*", False, False)
    _set(song, "protected/main", signed_only=True, allows_force=True)
    _set(song, "protected/main", signed_only=True)
    listed = [
        (item["pattern"], item["allows_force"], item["signed_only"]) for item in _get(song, "protected")["protected"]
    ]
    assert listed == [("main", False, True), ("release/*", False, False)]
    assert song.push(SONG, "release/1")[0] == 200
    assert song.http.delete(f"{song.url}/protected/main").status_code == 204
    assert song.http.delete(f"{song.url}/protected/main").status_code == 404
    assert [item["pattern"] for item in _get(song, "protected")["protected"]] == ["release/*"]


@pytest.mark.parametrize("pattern", ["a..b", "-x", "a%20", "%40%7B", "a%5Cb", "%2A" * 256])
def test_a_pattern_that_no_branch_can_match_is_refused(song: PushClient, pattern: str) -> None:
    assert _set(song, f"protected/{pattern}").status_code == 422
    assert _get(song, "protected") == {"protected": []}


def test_force_on_a_protected_branch_is_refused_before_a_byte_is_sent(hub: HubProcess, song: PushClient) -> None:
    _set(song, "protected/main")
    other = make_history({"verse": b"other"})
    wire = pack(other.bundle())
    status, answer = song.presign(wire, branch="main", head=other.head, force=True)
    assert (status, error_code(answer)) == (403, "forbidden")
    assert answer["error"]["details"] == {"branch": "main", "rule": "protected"}
    assert song.presign(wire, branch="other", head=other.head, force=True)[0] == 200
    assert song.presign(wire, branch="main", head=other.head)[0] == 200
    status, answer = song.push(other, wire=wire, force=True)
    assert (status, error_code(answer)) == (403, "forbidden")
    assert song.heads() == {"main": SONG.head}


def test_the_audit_log_has_every_move_in_pages(hub: HubProcess, song: PushClient) -> None:
    more = make_history({"verse": b"la"}, {"verse": b"la la"})
    assert song.push(more)[0] == song.push(more)[0] == song.push(SONG, force=True)[0] == 200
    assert song.push(SONG, "other")[0] == 200
    moves = _get(song, "audit")["moves"]
    assert [(move["branch"], move["old_head"], move["new_head"], move["forced"]) for move in moves] == [
        ("other", None, SONG.head, False),
        ("main", more.head, SONG.head, True),
        ("main", SONG.head, more.head, False),
        ("main", None, SONG.head, False),
    ]
    assert {(move["user"], move["token_id"], move["repository"]) for move in moves} == {
        ("ada", hub.token.split("_")[1], song.url.removeprefix(hub.url + "/"))
    }
    assert {move["push_id"] for move in moves} <= {push["push_id"] for push in _get(song, "pushes")["pushes"]}
    hub.wait_for_log(f"request_id={moves[0]['request_id']}")
    paged: list[Any] = []
    page = _get(song, "audit?limit=3")
    paged += page["moves"]
    page = _get(song, f"audit?limit=3&before={page['next']}")
    assert paged + page["moves"] == moves and page["next"] is None
    for query in ("limit=0", "limit=201", "limit=000200999", "before=x", "before=-1", "before=" + "9" * 30):
        assert song.get(f"audit?{query}").status_code == 422


def _post_key(
    client: httpx.Client, hub: HubProcess, key: object, token: str, label: object = "laptop"
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return client.post(f"{hub.url}/user/keys", json={"public_key": key, "label": label}, headers=headers)


def test_keys_are_enrolled_listed_and_revoked(hub: HubProcess) -> None:
    carol = hub.new_user("carol", "--scope", "admin")
    headers = {"Authorization": f"Bearer {carol}"}
    with httpx.Client(trust_env=False, headers=headers) as client:
        made = _post_key(client, hub, public_key(1), carol)
        assert made.status_code == 201 and made.json()["public_key"] == public_key(1)
        assert made.json()["user"] == "carol" and made.json()["label"] == "laptop"
        again = _post_key(client, hub, public_key(1), carol)
        assert again.status_code == 201 and again.json() == made.json()
        other = _post_key(client, hub, public_key(2), carol).json()
        listed = client.get(f"{hub.url}/user/keys").json()["keys"]
        assert [item["key_id"] for item in listed] == [made.json()["key_id"], other["key_id"]]
        assert client.delete(f"{hub.url}/user/keys/{other['key_id']}").status_code == 204
        assert client.delete(f"{hub.url}/user/keys/{'0' * 16}").status_code == 404
        assert [item["revoked_at"] is None for item in client.get(f"{hub.url}/user/keys").json()["keys"]] == [
            True,
            False,
        ]
        back = _post_key(client, hub, public_key(2), carol)
        assert back.status_code == 422 and back.json()["error"]["details"] == {"rule": "revoked"}
        assert client.get(f"{hub.url}/user/keys", headers=hub.headers).json() == {"keys": []}
        for bad in (
            "",
            "ed25519:",
            public_key(1)[:-1],
            public_key(1) + "=",
            "ed25519:" + "A" * 43,
            7,
            None,
            "ssh-rsa x",
        ):
            assert _post_key(client, hub, bad, carol).status_code == 422
        for label in ("x" * 256, "a\nb", "\x1b]0;hub\x07", "\u202eretpal", "\0", 7):
            answer = _post_key(client, hub, public_key(4), carol, label)
            assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (422, "label")


def test_a_key_takes_a_token_that_may_do_everything(hub: HubProcess, bob: str, song: PushClient) -> None:
    """A token that merely writes must not be enough to make one's own key a trusted one."""
    name = song.url.removeprefix(hub.url + "/")
    narrow = hub.command("token", "create", "ada", "--scope", "admin", "--repo", name)
    read = hub.command("token", "create", "ada", "--scope", "read")
    with httpx.Client(trust_env=False) as client:
        for token in (bob, narrow, read):
            assert _post_key(client, hub, public_key(3), token).status_code == 403
            headers = {"Authorization": f"Bearer {token}"}
            assert client.delete(f"{hub.url}/user/keys/{'0' * 16}", headers=headers).status_code == 403
        assert _post_key(client, hub, public_key(3), "rubbish").status_code == 401
        assert client.get(f"{hub.url}/user/keys").status_code == 401
