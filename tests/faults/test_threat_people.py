"""People who may not: keys that are nobody's or no longer anybody's, tokens for elsewhere, rights that were taken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.attacks import BASE, WAYS, attacked_hub, check_refused, next_history, send
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import ROOT, HubProcess
from tests.helpers.push_client import PushClient, read_answer, wait_until
from tests.helpers.records import History, make_history, pack, public_key, signed_record

ALL_WAYS = (*WAYS, "0.1.x")
ADA, BOB, EVE, NOBODY = 11, 12, 13, 14
"""Seeds of keys; the last is enrolled by nobody."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def tokens(hub: HubProcess) -> dict[str, str]:
    """bob may write to what :func:`song` makes, dave may read it, eve is a stranger; all have keys enrolled."""
    made = {name: hub.new_user(name, "--scope", "admin") for name in ("bob", "dave", "eve")}
    made["bob-reads"] = hub.command("token", "create", "bob", "--scope", "read")
    made["elsewhere"] = hub.command("token", "create", "bob", "--repo", "ada/song")
    made["expired"] = hub.command("token", "create", "ada", "--expires", "1s")
    for token, seed in ((hub.token, ADA), (made["bob"], BOB), (made["eve"], EVE)):
        headers = {"Authorization": f"Bearer {token}"}
        message = {"public_key": public_key(seed)}
        assert httpx.post(hub.url + "/user/keys", json=message, headers=headers, trust_env=False).status_code == 201
    return made


@pytest.fixture
def song(hub: HubProcess, tokens: dict[str, str], request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """A private repository of ada's for each test, with :data:`BASE` on ``main``."""
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as client:
        assert client.push(BASE)[0] == 200
        _set(client, "collaborators/bob", access="write")
        _set(client, "collaborators/dave", access="read")
        yield client


def _set(client: PushClient, path: str, **fields: object) -> None:
    assert client.http.put(f"{client.url}/{path}", content=pack(fields)).status_code == 200


def _change(client: PushClient, **fields: object) -> None:
    assert client.http.patch(client.url, content=pack(fields)).status_code == 200


def _as(song: PushClient, token: str) -> PushClient:
    return PushClient(song.hub, song.url.rpartition("/")[2], token=token)


def _send(client: PushClient, way: str, history: History, branch: str = "attack", **target: Any) -> tuple[int, Any]:
    if way == "0.1.x":
        bundle = history.bundle(branch_heads={branch: history.head})
        return client.post("push", {"bundle": bundle, "branch": branch, "force": bool(target.get("force"))})
    return send(client, way, history.bundle(), history.head, branch, **target)


def _signed(seed: int, note: str) -> History:
    history = next_history(message=note)
    return History([signed_record(history.commits[0], seed)], history.snapshots, history.contents)


@pytest.mark.parametrize("way", ALL_WAYS)
def test_a_key_that_nobody_who_may_write_enrolled_is_not_trusted(
    hub: HubProcess, song: PushClient, tokens: dict[str, str], way: str
) -> None:
    _change(song, signing_policy="trusted")
    cases = {seed: _signed(seed, f"{way} {seed}") for seed in (NOBODY, EVE)} | {0: next_history(message=f"{way} none")}
    for history in cases.values():
        if way == "objects":  # what is uploaded ahead stays, whatever becomes of the push
            song.put_objects(history.contents)
        with unchanged(hub):
            error = check_refused(_send(song, way, history), "bad_signature")
        assert error["details"]["commit_id"] == history.commits[0]["commit_id"][7:]
        assert error["details"]["rule"] == "trusted" and error["hint"]
    for seed in (ADA, BOB):
        status, answer = _send(song, way, _signed(seed, f"{way} {seed}"), f"good-{seed}")
        assert status == 200, answer


def test_a_revoked_key_and_the_key_of_one_who_may_write_no_more_are_not_trusted(
    hub: HubProcess, song: PushClient, tokens: dict[str, str]
) -> None:
    _change(song, signing_policy="trusted")
    assert _send(song, "stream", _signed(BOB, "first"), "first")[0] == 200
    assert song.http.delete(f"{song.url}/collaborators/bob").status_code == 204
    with unchanged(hub):
        check_refused(_send(song, "stream", _signed(BOB, "second"), "second"), "bad_signature")
    own = _signed(31, "third")
    made = json.loads(hub.command("key", "add", "ada", public_key(31), "--json"))["key"]
    wire = pack(own.bundle())
    upload = song.upload(wire)
    hub.command("key", "revoke", "ada", made["key_id"])
    with unchanged(hub):  # between presign and confirm
        check_refused(song.confirm(wire, own.head, "third", upload_id=upload["upload_id"]), "bad_signature")


def test_who_may_not_write_gets_nothing_in_by_any_way(
    hub: HubProcess, song: PushClient, tokens: dict[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {tokens['expired']}"}
    wait_until(lambda: httpx.get(f"{hub.url}/user", headers=headers, trust_env=False).status_code == 401)
    cases = {"bob-reads": 403, "dave": 403, "eve": 404, "elsewhere": 404, "expired": 401}
    paths = [f"push{path}" for path in ("", "/presign", "/confirm", "/stream", "/bundle/presign", "/bundle/confirm")]
    paths += ["push/objects", f"push/unpack?branch=x&head={BASE.head}", "tags", "releases"]
    with unchanged(hub):
        for name, status in cases.items():
            with _as(song, tokens[name]) as client:
                assert {path: client.post(path, {})[0] for path in paths} == dict.fromkeys(paths, status), name


def test_a_collaborator_who_is_removed_before_the_confirm_gets_nothing_in(
    hub: HubProcess, song: PushClient, tokens: dict[str, str]
) -> None:
    attack = next_history(message=song.url)
    wire = pack(attack.bundle())
    with _as(song, tokens["bob"]) as bob:
        upload = bob.upload(wire)
        assert song.http.delete(f"{song.url}/collaborators/bob").status_code == 204
        with unchanged(hub):
            error = check_refused(bob.confirm(wire, attack.head, upload_id=upload["upload_id"]), "not_found")
            none = read_answer(bob.http.post(f"{hub.url}/ada/none/push/bundle/confirm", content=pack({})))
            assert error == none[1]["error"]
        _set(song, "collaborators/bob", access="read")
        with unchanged(hub):
            check_refused(bob.confirm(wire, attack.head, upload_id=upload["upload_id"]), "forbidden")
        _set(song, "collaborators/bob", access="write")
        assert bob.confirm(wire, attack.head, upload_id=upload["upload_id"])[0] == 200


@pytest.mark.parametrize("way", ALL_WAYS)
def test_a_protected_branch_is_forced_by_no_way(
    hub: HubProcess, song: PushClient, tokens: dict[str, str], way: str
) -> None:
    _set(song, "protected/main")
    other = make_history({"other": way.encode()})
    if way == "objects":
        song.put_objects(other.contents)
    with unchanged(hub):
        check_refused(_send(song, way, other, "main", force=True), "forbidden")
        check_refused(_send(song, way, other, "main"), "non_fast_forward")


def test_a_branch_that_is_protected_while_it_is_forced_is_one_or_the_other(
    hub: HubProcess, song: PushClient, tokens: dict[str, str]
) -> None:
    """Whoever comes first: a force that went in was before the protection, and the log says which it was."""
    others = [make_history({"other": b"%d" % number}) for number in range(8)]

    def push(history: History) -> int:
        with _as(song, hub.token) as client:
            return send(client, "stream", history.bundle(), history.head, "main", force=True)[0]

    def protect() -> int:
        with _as(song, hub.token) as client:
            _set(client, "protected/main")
        return 0

    work: list[Callable[[], int]] = [lambda item=item: push(item) for item in others]  # type: ignore[misc]
    work.insert(4, protect)
    with ThreadPoolExecutor(3) as threads:
        statuses = list(threads.map(lambda run: run(), work))
    assert set(statuses) <= {0, 200, 403}
    moves = json.loads(hub.command("repo", "audit", song.url.removeprefix(hub.url + "/"), "--json"))["moves"]
    forced = [move for move in moves if move["forced"]]
    assert len(forced) == statuses.count(200)
    assert song.heads()["main"] == moves[0]["new_head"]
    assert push(make_history({"other": b"late"})) == 403


def test_signed_only_cannot_be_gone_around_by_another_branch(
    hub: HubProcess, song: PushClient, tokens: dict[str, str]
) -> None:
    _set(song, "protected/main", signed_only=True)
    unsigned = next_history(message="laundered")
    assert _send(song, "stream", unsigned, "side")[0] == 200
    for way in ALL_WAYS:
        with unchanged(hub):
            error = check_refused(_send(song, way, unsigned, "main"), "bad_signature")
            assert error["details"]["commit_id"] == unsigned.head[7:]


def test_a_history_that_was_let_in_with_bad_signatures_can_be_fetched_while_the_policy_says_so(
    hub: HubProcess, song: PushClient, tokens: dict[str, str], tmp_path: Path
) -> None:
    forged = _signed(NOBODY, "forged")
    forged.commits[0]["author"] = "Eve"
    with unchanged(hub):
        check_refused(_send(song, "stream", forged, "main"), "bad_signature")
    _change(song, signing_policy="off")
    assert _send(song, "stream", forged, "main")[0] == 200

    def clone(name: str) -> int:
        command = [sys.executable, "-m", "museui", "clone", song.url, str(tmp_path / name)]
        environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "MUSEUI_TOKEN": hub.token}
        return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode

    assert clone("off") == 0
    _change(song, signing_policy="valid")
    assert clone("valid") == 1
