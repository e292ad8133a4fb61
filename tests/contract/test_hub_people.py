"""Who may do what, managed over HTTP: collaborators come and go, a repository's settings change."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgpack
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.push_client import MSGPACK, PushClient
from tests.helpers.records import make_history

JSON = {"Accept": "application/json", "Content-Type": "application/json"}
SONG = make_history({"verse": b"la"})


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
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


def test_an_administrator_may_do_what_the_owner_may(hub: HubProcess, song: PushClient) -> None:
    slug = song.url.rpartition("/")[2]
    admin = hub.new_user("admin", "--scope", "admin")
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
    ],
)
def test_settings_that_cannot_be_change_nothing(song: PushClient, fields: dict[str, object], status: int) -> None:
    before = _change(song).json()
    assert _change(song, **fields).status_code == status
    assert _change(song).json() == before
