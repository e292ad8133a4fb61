"""What one user may find out about another: an upload, a repository or an object of theirs looks like none at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.helpers.attacks import BASE, attacked_hub, bare_answer, check_refused, next_history
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import MSGPACK, PushClient, error_code, read_answer
from tests.helpers.records import digest, make_history, pack

ATTACK = next_history()
UNKNOWN = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def bob(hub: HubProcess) -> str:
    """The token of another user."""
    return hub.new_user("bob")


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A repository of its own for each test, with :data:`BASE` on ``main``."""
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        assert made.push(BASE)[0] == 200
        yield made


def _wire(client: PushClient, note: str = "") -> bytes:
    """A bundle that no other test uploads."""
    return pack(ATTACK.bundle(meta={"format": 1, "tool": client.url, "note": note}))


@pytest.mark.parametrize("kind", [MSGPACK, "application/json"])
def test_an_upload_of_somebody_elses_answers_byte_for_byte_like_none(
    hub: HubProcess, client: PushClient, bob: str, kind: str
) -> None:
    """Whether it was announced, has arrived or is confirmed; by another user or for another repository."""
    stages = {stage: _wire(client, f"{stage} {kind}") for stage in ("announced", "arrived", "confirmed")}
    uploads = {"announced": client.presign(stages["announced"])[1]["upload_id"]}
    uploads |= {stage: client.upload(stages[stage])["upload_id"] for stage in ("arrived", "confirmed")}
    assert client.confirm(stages["confirmed"], ATTACK.head, "main")[0] == 200
    with PushClient(hub, "bobs", owner="bob", token=bob) as stranger, PushClient(hub, "elsewhere") as elsewhere:
        for other in (stranger, elsewhere):
            assert other.push(BASE)[0] == 200
        client.wait_promoted()
        answers = []
        for other in (stranger, elsewhere):
            asked = [(digest(stages[stage]), uploads[stage]) for stage in stages]
            asked += [(bundle_id, None) for bundle_id, _ in asked]
            asked += [(UNKNOWN, "0" * 32), (UNKNOWN, None), (asked[0][0], "0" * 32), (UNKNOWN, asked[1][1])]
            with unchanged(hub):
                for bundle_id, upload_id in asked:
                    message = {"bundle_id": bundle_id, "branch": "main", "head": ATTACK.head, "upload_id": upload_id}
                    for path in ("push/bundle/confirm", "push/unpack-bundle"):
                        url, headers = f"{other.url}/{path}", {"Accept": kind}
                        answers.append(bare_answer(other.http.post(url, content=pack(message), headers=headers)))
        assert answers[0][0] == 404
        assert answers == [answers[0]] * len(answers)


def test_nobody_learns_from_presign_what_others_have_uploaded(hub: HubProcess, client: PushClient, bob: str) -> None:
    wire = _wire(client)
    mine = client.upload(wire)
    with PushClient(hub, "bobs-own", owner="bob", token=bob) as stranger, PushClient(hub, "another") as another:
        for other in (stranger, another):
            answer = other.presign(wire)[1]
            assert answer["already_present"] is False
            assert answer["upload_id"] != mine["upload_id"]
            check_refused(other.confirm(wire, ATTACK.head, upload_id=mine["upload_id"]), "not_found")
            check_refused(other.confirm(wire, ATTACK.head), "not_found")
    assert client.presign(wire)[1]["already_present"] is True
    assert client.confirm(wire, ATTACK.head)[0] == 200


def test_a_token_in_the_wrong_place_is_none(hub: HubProcess, client: PushClient) -> None:
    wire = _wire(client)
    presign = {"bundle_id": digest(wire), "size_bytes": len(wire)}
    confirm = {"bundle_id": digest(wire), "branch": "main", "head": ATTACK.head}
    client.upload(wire)
    token = hub.token
    places: list[dict[str, Any]] = [
        {"params": {"token": token}},
        {"params": {"access_token": token, "authorization": f"Bearer {token}"}},
        {"headers": {"Cookie": f"token={token}; Authorization=Bearer {token}"}},
        {"headers": {"X-Auth-Token": token, "X-Api-Key": token, "Proxy-Authorization": f"Bearer {token}"}},
        {"headers": {"Authorization": token}},
        {"headers": {"Authorization": f"Basic {token}"}},
        {"headers": {"Authorization": f"Token {token}"}},
        {"headers": {"Authorization": f"Bearer {token.upper()}"}},
        {"headers": {"Authorization": f"Bearer {token[:-1]}"}},
        {"headers": {"Authorization": f"Bearer {token}x"}},
        {"headers": {"Authorization": f"Bearer Bearer {token}"}},
        {"headers": {"Authorization": f"Bearer {token},{token}"}},
        {"auth": ("ada", token)},
        {"auth": (token, "")},
        {},
    ]
    bodies: dict[str, dict[str, Any]] = {
        "push/bundle/presign": presign,
        "push/bundle/confirm": confirm,
        "push/stream": presign,
        "push/unpack": {},
    }
    with unchanged(hub), httpx.Client(trust_env=False, verify=False) as anonymous:
        for place in places:
            for path, message in bodies.items():
                body = {**message, "token": token, "authorization": f"Bearer {token}"}
                answer = read_answer(anonymous.post(f"{client.url}/{path}", json=body, **place))
                assert (answer[0], error_code(answer[1])) == (401, "unauthorized")
    assert token not in hub.log


def test_what_one_may_not_see_answers_byte_for_byte_like_what_is_not_there(
    hub: HubProcess, client: PushClient, bob: str
) -> None:
    """Every endpoint of a push or a fetch, asked by somebody else about a private repository and about none."""
    reader = hub.command("token", "create", "bob", "--scope", "read")
    wire = _wire(client)
    client.upload(wire)
    bodies = {
        "refs": None,
        "negotiate": {"have": [BASE.head]},
        "fetch": {"want": [BASE.head]},
        "presign": {"object_ids": list(BASE.contents), "direction": "get"},
        "push/bundle/presign": {"bundle_id": digest(wire), "size_bytes": len(wire)},
        "push/bundle-presign": {"bundle_id": digest(wire), "size_bytes": len(wire)},
        "push/bundle/confirm": {"bundle_id": digest(wire), "branch": "main", "head": ATTACK.head},
        "push/unpack-bundle": {"bundle_id": digest(wire), "branch": "main", "head": ATTACK.head},
        "push/presign": {"object_ids": list(BASE.contents)},
        "push/confirm": {"object_ids": list(BASE.contents), "branch": "main", "head": ATTACK.head},
        "push/stream": ["H", {}],
        f"push/unpack?branch=main&head={ATTACK.head}": ATTACK.bundle(),
    }
    slug = client.url.rpartition("/")[2]
    with unchanged(hub):
        for token in (bob, reader, None):
            headers = {"Accept": MSGPACK, "Content-Type": MSGPACK}
            headers |= {"Authorization": f"Bearer {token}"} if token else {}
            with httpx.Client(headers=headers, trust_env=False, verify=False) as stranger:
                for path, message in bodies.items():
                    method = "GET" if message is None else "POST"
                    answers = [
                        bare_answer(stranger.request(method, f"{hub.url}/{name}/{path}", content=pack(message)))
                        for name in (f"ada/{slug}", "ada/none", "nobody/none", f"ada/{slug.upper()}")
                    ]
                    assert answers[0][0] == (404 if token or not path.startswith("push/") else 401)
                    assert answers == [answers[0]] * len(answers)


def test_what_another_repository_holds_answers_byte_for_byte_like_what_nobody_has(
    hub: HubProcess, client: PushClient, bob: str
) -> None:
    """``/o/``, ``negotiate``, ``fetch`` and ``presign``, asked by one who has a repository of their own."""
    secret = make_history({"secret": b"known to ada alone"})
    known = [next(iter(secret.contents)), secret.head, secret.snapshots[0]["snapshot_id"]]
    assert client.push(secret, "secret")[0] == 200
    with PushClient(hub, "own", owner="bob", token=bob) as stranger:
        assert stranger.push(make_history({"own": b"thing"}))[0] == 200
        stranger.wait_promoted()

        def ask(item: str) -> list[tuple[int, bytes, dict[str, str]]]:
            answers = [bare_answer(stranger.get(f"/o/{spelling}")) for spelling in (item, item[7:])]
            for path, message in (
                ("negotiate", {"have": [item]}),
                ("negotiate", {"have": [item, UNKNOWN], "want": [item]}),
                ("fetch", {"want": [item]}),
                ("fetch", {"want": [], "have": [item]}),
                ("presign", {"object_ids": [item], "direction": "get"}),
                ("push/confirm", {"object_ids": [item], "branch": "main", "head": UNKNOWN}),
            ):
                answers.append(bare_answer(stranger.http.post(f"{stranger.url}/{path}", content=pack(message))))
            return [(status, content.replace(item[7:].encode(), b"that"), rest) for status, content, rest in answers]

        with unchanged(hub):
            expected = ask("sha256:" + "cd" * 32)
            for item in known:
                assert ask(item) == expected
        assert [status for status, _, _ in expected] == [404, 404, 200, 200, 404, 200, 200, 422]


@pytest.mark.parametrize("path", ["push/presign", "presign"])
def test_an_object_of_others_must_be_sent_like_one_that_nobody_has(
    hub: HubProcess, client: PushClient, bob: str, path: str
) -> None:
    """Stored, or only sent and not confirmed: by another user, or by the same one for another repository."""
    stored, sent = digest(b"stored by ada"), digest(f"sent by ada for {path}".encode())
    assert client.push(make_history({"a": b"stored by ada"}), "more")[0] == 200
    client.put_objects({sent: f"sent by ada for {path}".encode()})
    assert client.presign_objects([stored, sent])[1]["present"] == [stored, sent]
    name = f"asks-{path.replace('/', '-')}"
    with PushClient(hub, name, owner="bob", token=bob) as stranger, PushClient(hub, name) as elsewhere:
        for other in (stranger, elsewhere):
            assert other.push(BASE)[0] == 200
            answer = other.post(path, {"object_ids": [stored, sent, UNKNOWN], "direction": "put"})[1]
            assert (answer["present"], list(answer["presigned"])) == ([], [stored, sent, UNKNOWN])
            check_refused(other.confirm_objects(make_history({"a": b"stored by ada"}), "stolen"), "integrity")
