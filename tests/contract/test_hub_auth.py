"""Who may do what on a running hub, and what everybody else gets to see: nothing, in the same words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.helpers.hub import HubProcess


@dataclass(frozen=True)
class World:
    """A hub with ``ada/private``, ``ada/public``, ``ada/shared``, ``ada/other`` and a client for it.

    To all but the last carol may write, dave may read them, erin may administer them; bob is a stranger.
    """

    hub: HubProcess
    client: httpx.Client
    tokens: dict[str, str]

    def ask(self, method: str, path: str, who: str = "") -> httpx.Response:
        """A request as ``who`` (a key of ``tokens``, none for nobody)."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        json: dict[str, list[str]] | None = {"have": []} if method in ("POST", "PATCH") else None
        return self.client.request(method, self.hub.url + path, headers=headers, json=json)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with HubProcess() as hub, httpx.Client(trust_env=False) as client:
        for slug in ("private", "public", "other", "shared"):
            hub.command_here(
                "repo", "create", f"ada/{slug}", "--visibility", "public" if slug == "public" else "private"
            )
        for name in ("bob", "carol", "dave", "erin"):
            hub.command_here("user", "create", name)
        tokens = {
            "admin": hub.token,
            "write": hub.command_here("token", "create", "ada"),
            "read": hub.command_here("token", "create", "ada", "--scope", "read"),
            "only-private": hub.command_here("token", "create", "ada", "--repo", "ada/private"),
            "expiring": hub.command_here("token", "create", "ada", "--expires", "1s"),
            "revoked": hub.command_here("token", "create", "ada"),
            "bob": hub.command_here("token", "create", "bob"),
            "bob-admin": hub.command_here("token", "create", "bob", "--scope", "admin"),
            "carol-read": hub.command_here("token", "create", "carol", "--scope", "read"),
            "carol-write": hub.command_here("token", "create", "carol"),
            "carol-admin": hub.command_here("token", "create", "carol", "--scope", "admin"),
            "dave-admin": hub.command_here("token", "create", "dave", "--scope", "admin"),
            "erin-write": hub.command_here("token", "create", "erin"),
            "erin-admin": hub.command_here("token", "create", "erin", "--scope", "admin"),
            "erin-only-private": hub.command_here(
                "token", "create", "erin", "--scope", "admin", "--repo", "ada/private"
            ),
            "rubbish": "rubbish",
            "unknown": "muse_0123456789abcdef_" + "A" * 43,
        }
        for user, access in (("carol", "write"), ("dave", "read"), ("erin", "admin")):
            for slug in ("private", "shared", "public"):
                path = f"{hub.url}/ada/{slug}/collaborators/{user}"
                assert client.put(path, json={"access": access}, headers=hub.headers).status_code == 200
        hub.command_here("token", "revoke", tokens["revoked"].split("_")[1])
        deadline = time.monotonic() + 30
        world = World(hub, client, tokens)
        while world.ask("GET", "/repos", "expiring").status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield world


READS = [("GET", "/refs"), ("POST", "/negotiate"), ("GET", "/pushes"), ("GET", "/pushes/1")]
BAD_TOKENS = ["rubbish", "unknown", "expiring", "revoked"]


@pytest.mark.parametrize(
    ("who", "repository", "status"),
    [
        ("", "private", 404),
        ("", "missing", 404),
        ("", "public", 200),
        ("admin", "private", 200),
        ("write", "private", 200),
        ("read", "private", 200),
        ("only-private", "private", 200),
        ("only-private", "other", 404),
        ("only-private", "public", 200),
        ("bob", "private", 404),
        ("bob-admin", "private", 404),
        ("bob", "public", 200),
        ("bob", "missing", 404),
        ("write", "missing", 404),
        *[(who, "shared", 200) for who in ("carol-read", "carol-write", "carol-admin", "dave-admin", "erin-admin")],
        *[(who, "other", 404) for who in ("carol-read", "carol-write", "carol-admin", "dave-admin", "erin-admin")],
        ("erin-only-private", "private", 200),
        ("erin-only-private", "shared", 404),
        ("erin-only-private", "public", 200),
        *[(bad, repository, 401) for bad in BAD_TOKENS for repository in ("private", "missing", "public")],
    ],
)
def test_reading(world: World, who: str, repository: str, status: int) -> None:
    for method, path in (("GET", "refs"), ("POST", "negotiate"), ("GET", "pushes")):
        answer = world.ask(method, f"/ada/{repository}/{path}", who)
        assert answer.status_code == status
        if status == 401:
            assert answer.json()["error"]["code"] == "unauthorized"
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("who", "repository", "status"),
    [
        ("", "private", 401),
        ("", "missing", 401),
        ("", "public", 401),
        ("read", "private", 403),
        ("read", "missing", 404),
        ("only-private", "other", 404),
        ("only-private", "public", 403),
        ("bob", "private", 404),
        ("bob-admin", "private", 404),
        ("bob", "missing", 404),
        ("bob", "public", 403),
        ("bob-admin", "public", 403),
        ("rubbish", "private", 401),
        ("expiring", "private", 401),
        ("revoked", "private", 401),
    ],
)
def test_writing_is_refused(world: World, who: str, repository: str, status: int) -> None:
    assert world.ask("DELETE", f"/ada/{repository}", who).status_code == status
    names = [item["slug"] for item in world.ask("GET", "/repos", "write").json()["repositories"]]
    assert {"other", "private", "public", "shared"} <= set(names)


@pytest.mark.parametrize(
    ("who", "repository", "to_write", "to_administer"),
    [
        ("", "private", 401, 401),
        ("", "public", 401, 401),
        ("admin", "private", 422, 200),
        ("write", "private", 422, 403),
        ("read", "private", 403, 403),
        ("only-private", "private", 422, 403),
        ("only-private", "shared", 404, 404),
        ("only-private", "public", 403, 403),
        ("carol-read", "shared", 403, 403),
        ("carol-write", "shared", 422, 403),
        ("carol-admin", "shared", 422, 403),
        ("carol-admin", "public", 422, 403),
        ("carol-admin", "other", 404, 404),
        ("dave-admin", "shared", 403, 403),
        ("dave-admin", "public", 403, 403),
        ("erin-write", "shared", 422, 403),
        ("erin-admin", "shared", 422, 200),
        ("erin-admin", "other", 404, 404),
        ("erin-only-private", "private", 422, 200),
        ("erin-only-private", "shared", 404, 404),
        ("erin-only-private", "public", 403, 403),
        ("bob-admin", "shared", 404, 404),
        ("bob-admin", "public", 403, 403),
    ],
)
def test_writing_and_administering(world: World, who: str, repository: str, to_write: int, to_administer: int) -> None:
    """422: it was looked at, and there is nothing to be presigned in it; 200: changed, namely nothing."""
    assert world.ask("POST", f"/ada/{repository}/push/bundle/presign", who).status_code == to_write
    assert world.ask("PATCH", f"/ada/{repository}", who).status_code == to_administer
    for path in ("collaborators", "audit"):
        assert world.ask("GET", f"/ada/{repository}/{path}", who).status_code == to_administer


def test_everybody_sees_in_the_list_what_they_may_read(world: World) -> None:
    everything = {"other", "private", "public", "shared"}
    expected = {
        "": {"public"},
        "bob": {"public"},
        "read": everything,
        "only-private": {"private", "public"},
        "carol-read": everything - {"other"},
        "dave-admin": everything - {"other"},
        "erin-only-private": {"private", "public"},
    }
    for who, slugs in expected.items():
        listed = world.ask("GET", "/repos?limit=200", who).json()["repositories"]
        assert {item["slug"] for item in listed} == slugs, who


def test_a_token_says_whose_it_is_and_what_it_is_good_for(world: World) -> None:
    assert world.ask("GET", "/user", "carol-read").json() == {
        "name": "carol",
        "scope": "read",
        "repository": None,
        "expires_at": None,
    }
    only = world.ask("GET", "/user", "erin-only-private").json()
    assert (only["name"], only["scope"], only["repository"]) == ("erin", "admin", "ada/private")
    for who in ("", *BAD_TOKENS):
        assert world.ask("GET", "/user", who).status_code == 401


@pytest.mark.parametrize("who", ["", "bob", "only-private", "carol-write", "dave-admin"])
@pytest.mark.parametrize(("method", "path"), READS)
def test_private_repository_looks_exactly_like_none(world: World, who: str, method: str, path: str) -> None:
    seen = [
        world.ask(method, name + path, who) for name in ("/ada/other", "/ada/missing", "/nobody/missing", "/a..b/x")
    ]
    assert {answer.status_code for answer in seen} == {404}
    assert len({answer.content for answer in seen}) == 1
    varying = ("x-request-id", "date")
    assert len({tuple((k, v) for k, v in answer.headers.items() if k not in varying) for answer in seen}) == 1
    assert seen[0].json()["error"]["details"] == {}


@pytest.mark.parametrize("who", ["", "bob", "only-private", "erin-admin"])
def test_writing_to_a_private_repository_answers_like_to_none(world: World, who: str) -> None:
    asked = [
        ("DELETE", ""),
        ("PATCH", ""),
        ("GET", "/collaborators"),
        ("PUT", "/collaborators/bob"),
        ("DELETE", "/collaborators/carol"),
        ("PUT", "/protected/main"),
        ("DELETE", "/protected/main"),
        ("GET", "/protected"),
        ("GET", "/audit"),
        ("POST", "/push/bundle/presign"),
    ]
    for method, path in asked:
        seen = [world.ask(method, name + path, who) for name in ("/ada/other", "/ada/missing", "/nobody/missing")]
        assert len({(answer.status_code, answer.content) for answer in seen}) == 1


def test_owner_to_be_learns_that_a_push_would_make_the_repository(world: World) -> None:
    details = world.ask("GET", "/ada/missing/refs", "write").json()["error"]["details"]
    assert details["auto_create"] is True
    assert details["capabilities"] and details["limits"]["max_bundle_bytes"] > 0
    others = [("read", "ada"), ("only-private", "ada"), ("bob", "ada"), ("write", "bob"), ("", "ada")]
    for who, owner in others:
        assert world.ask("GET", f"/{owner}/missing/refs", who).json()["error"]["details"] == {}


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YWRhOmFkYQ==", "Token x", "Bearer a b", "bearer\tx"])
def test_authorization_that_is_not_a_bearer_token_is_refused(world: World, header: str) -> None:
    answer = world.client.get(world.hub.url + "/ada/public/refs", headers={"Authorization": header})
    assert answer.status_code == 401


def test_token_is_never_taken_from_the_query(world: World) -> None:
    answer = world.client.get(world.hub.url + "/ada/private/refs", params={"token": world.tokens["write"]})
    assert answer.status_code == 404


def test_revocation_holds_from_the_next_request_on(world: World) -> None:
    token = world.hub.command("token", "create", "ada")
    headers = {"Authorization": f"Bearer {token}"}
    assert world.client.get(world.hub.url + "/ada/private/refs", headers=headers).status_code == 200
    world.hub.command("token", "revoke", token.split("_")[1])
    assert world.client.get(world.hub.url + "/ada/private/refs", headers=headers).status_code == 401


def test_no_token_is_ever_in_the_log(world: World) -> None:
    for who in world.tokens:
        world.ask("GET", f"/ada/private/refs?token={world.tokens[who]}", who)
    log = world.hub.log
    assert "/ada/private/refs" in log and "user=ada" in log
    assert not any(token in log for who, token in world.tokens.items() if who != "rubbish")
    assert "token=" not in log
