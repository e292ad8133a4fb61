"""``museui hub user|key|repo …`` of people: what they set holds for a running hub at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient, error_code
from tests.helpers.records import History, make_history, public_key, signed_record

SONG = make_history({"verse": b"la"})
OTHER = make_history({"verse": b"other"})


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def _ask(hub: HubProcess, *arguments: str, expect: int = 0) -> Any:
    return json.loads(hub.command(*arguments, "--json", expect=expect))


def test_collaborators_come_and_go(hub: HubProcess) -> None:
    bob = hub.new_user("bob")
    with PushClient(hub, "shared") as client, PushClient(hub, "shared", token=bob) as theirs:
        assert client.push(SONG)[0] == 200
        made = _ask(hub, "repo", "collaborator", "add", "ada/shared", "bob", "--access", "read")["collaborator"]
        assert (made["user"], made["access"]) == ("bob", "read")
        assert theirs.get("refs").status_code == 200
        assert "bob" in hub.command("repo", "collaborator", "list", "ada/shared")
        assert _ask(hub, "repo", "collaborator", "list", "ada/shared") == {"ok": True, "collaborators": [made]}
        assert _ask(hub, "repo", "collaborator", "remove", "ada/shared", "bob") == {"ok": True}
        assert theirs.get("refs").status_code == 404
        assert hub.command("repo", "collaborator", "list", "ada/shared") == ""


def test_a_policy_and_the_keys_it_asks_for(hub: HubProcess) -> None:
    signed = History([signed_record(SONG.commits[0], 1)], SONG.snapshots, SONG.contents)
    hub.command("repo", "create", "ada/signed")
    assert hub.command("repo", "policy", "ada/signed") == "valid"
    assert _ask(hub, "repo", "policy", "ada/signed", "trusted")["repository"]["signing_policy"] == "trusted"
    with PushClient(hub, "signed") as client:
        assert error_code(client.push(signed)[1]) == "bad_signature"
        made = _ask(hub, "key", "add", "ada", public_key(1), "--label", "laptop")["key"]
        assert client.push(signed)[0] == 200
        assert _ask(hub, "key", "revoke", "ada", made["key_id"]) == {"ok": True}
        (listed,) = _ask(hub, "key", "list", "--user", "ada")["keys"]
        assert listed == {**made, "revoked_at": listed["revoked_at"]} and listed["revoked_at"] is not None
        assert public_key(1) in hub.command("key", "list")
        after = History([signed_record(OTHER.commits[0], 1)], OTHER.snapshots, OTHER.contents)
        assert error_code(client.push(after, "after")[1]) == "bad_signature"


def test_protection_and_the_audit_log_which_outlives_the_repository(hub: HubProcess) -> None:
    with PushClient(hub, "kept") as client:
        assert client.push(SONG)[0] == 200
        (made,) = _ask(hub, "repo", "protect", "ada/kept", "ma*")["protected"]
        assert (made["pattern"], made["allows_force"], made["signed_only"]) == ("ma*", False, False)
        assert hub.command("repo", "protect", "ada/kept").split() == ["ma*", "no", "force"]
        assert client.push(OTHER, force=True)[0] == 403
        hub.command("repo", "unprotect", "ada/kept", "ma*")
        assert client.push(OTHER, force=True)[0] == 200
    hub.command("repo", "delete", "ada/kept", "--yes")
    moves = _ask(hub, "repo", "audit", "ada/kept")["moves"]
    assert [(move["user"], move["old_head"], move["new_head"], move["forced"]) for move in moves] == [
        ("", OTHER.head, None, True),
        ("ada", SONG.head, OTHER.head, True),
        ("ada", None, SONG.head, False),
    ]
    assert _ask(hub, "repo", "audit", "ada/kept", "--limit", "2", "--before", str(moves[0]["id"]))["moves"] == moves[1:]
    table = hub.command("repo", "audit", "ada/kept")
    assert "forced" in table and OTHER.head[7:19] in table


def test_a_user_who_is_removed_may_do_nothing_and_what_they_did_stays_theirs(hub: HubProcess) -> None:
    eve = hub.new_user("eve")
    headers = {"Authorization": f"Bearer {eve}"}
    hub.command("repo", "create", "ada/eves")
    hub.command("repo", "collaborator", "add", "ada/eves", "eve")
    with PushClient(hub, "eves", token=eve) as theirs, PushClient(hub, "eves") as client:
        assert theirs.push(SONG)[0] == 200
        with httpx.Client(base_url=hub.url, headers=headers, trust_env=False) as http:
            assert http.post("/repos", json={"owner": "eve", "slug": "own"}).status_code == 201
            assert "own" in _ask(hub, "user", "remove", "eve", expect=1)["error"]["message"]
            hub.command("repo", "delete", "eve/own", "--yes")
            assert _ask(hub, "user", "remove", "eve") == {"ok": True}
            assert http.get("/user").status_code == 401
        push = client.http.get(f"{client.url}/pushes", headers={"Accept": "application/json"}).json()["pushes"][0]
        assert push["user"] == "eve"
    assert "eve" not in hub.command("user", "list").split()
    for command in (["user", "create", "eve"], ["token", "create", "eve"], ["user", "remove", "eve"]):
        assert _ask(hub, *command, expect=1)["ok"] is False
