"""Rubbish sent to every endpoint that takes a message: an error in the one form there is, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgpack
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.postgresql import NewDatabase

JSON = "application/json"
MSGPACK = "application/x-msgpack"
ENDPOINTS = ["/repos"]
ENDPOINTS += [f"/ada/song/{name}" for name in ("negotiate", "push/bundle/presign", "push/bundle/confirm", "fetch")]
UNKNOWN_PATHS = ["/", "/x", "/ada", "/ada/song", "/ada/song/", "/ada/song/refs/", "/ada/song/nothing", "//"]
UNKNOWN_PATHS += ["/ada/song/refs/x", "/repos/", "/%00/%ff", "/ada%2fsong/refs"]

RUBBISH: dict[str, tuple[str, bytes]] = {
    "nothing": (JSON, b""),
    "not a map": (JSON, b"[1, 2]"),
    "null": (JSON, b"null"),
    "no fields": (JSON, b"{}"),
    "wrong types": (JSON, b'{"owner": {"a": 1}, "slug": [], "have": {"a": []}}'),
    "bad ids": (JSON, b'{"owner": "ada", "have": ["sha256:zz", 5, null]}'),
    "cut off": (JSON, b'{"owner": "ada", "have": ["'),
    "two values": (JSON, b"{}{}"),
    "not UTF-8": (JSON, b'{"owner": "\xff\xfe"}'),
    "half a surrogate": (JSON, b'{"owner": "\\ud800", "slug": "\\ud800", "have": ["\\ud800"]}'),
    "deep lists": (JSON, b"[" * 100_000 + b"]" * 100_000),
    "deep maps": (JSON, b'{"have":' * 100_000 + b"1" + b"}" * 100_000),
    "deep, never closed": (JSON, b"[" * 500_000),
    "msgpack as JSON": (JSON, msgpack.packb({"have": []})),
    "JSON as msgpack": (MSGPACK, b'{"have": []}'),
    "msgpack cut off": (MSGPACK, msgpack.packb({"owner": "ada", "slug": "x", "have": ["0" * 64]})[:-9]),
    "msgpack, more after it": (MSGPACK, msgpack.packb({"have": [], "owner": "ada", "slug": "x"}) + b"\x00"),
    "msgpack, one key twice": (MSGPACK, b"\x82\xa4have\x90\xa4have\x90"),
    "msgpack, huge lengths": (MSGPACK, b"\x81\xa4have\xdd\xff\xff\xff\xff"),
    "msgpack, deep": (MSGPACK, b"\x91" * 500_000),
    "msgpack, keys of bytes": (MSGPACK, msgpack.packb({b"have": [], 1: 2})),
    "msgpack extension": (MSGPACK, b"\x81\xa4have\xc7\x01\x05\x00"),
    "another type": ("text/plain", b'{"have": []}'),
    "a form": ("application/x-www-form-urlencoded", b"have=1"),
}


@pytest.fixture(scope="module")
def hub(new_database: NewDatabase) -> Iterator[HubProcess]:
    with HubProcess(database=new_database()) as process:
        process.command("repo", "create", "ada/song")
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub.url, headers=hub.headers, trust_env=False) as made:
        yield made


def _state(client: httpx.Client) -> tuple[Any, ...]:
    return client.get("/repos").json(), client.get("/ada/song/refs").json(), client.get("/ada/song/pushes").json()


def check_error(answer: httpx.Response, code: str) -> None:
    """The one form of an error."""
    kind = answer.headers["content-type"]
    document = msgpack.unpackb(answer.content) if kind == MSGPACK else answer.json()
    assert document.keys() == {"error", "detail"}
    assert document["error"].keys() == {"code", "message", "hint", "details"}
    assert document["error"]["code"] == code
    assert document["detail"] == document["error"]["message"] != ""
    assert len(answer.headers["x-request-id"]) == 16


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("rubbish", RUBBISH)
def test_rubbish_is_invalid(client: httpx.Client, endpoint: str, rubbish: str) -> None:
    before = _state(client)
    content_type, body = RUBBISH[rubbish]
    answer = client.post(endpoint, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 422
    check_error(answer, "invalid")
    assert _state(client) == before


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("declared", [True, False])
def test_body_over_the_limit_is_too_large(client: httpx.Client, endpoint: str, declared: bool) -> None:
    limit = 16 << 20 if endpoint.endswith("/fetch") else 1 << 20
    body = b'{"have": ["' + b"a" * limit + b'"]}'
    pieces = iter([body[at : at + 65536] for at in range(0, len(body), 65536)])
    answer = client.post(endpoint, content=body if declared else pieces, headers={"Content-Type": JSON})
    assert answer.status_code == 413
    check_error(answer, "too_large")


def test_errors_come_in_the_clients_language(client: httpx.Client) -> None:
    for accept, expected in ((MSGPACK, MSGPACK), (JSON, JSON), ("*/*", JSON)):
        answer = client.get("/ada/nothing/refs", headers={"Accept": accept})
        assert answer.headers["content-type"] == expected
        check_error(answer, "not_found")


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_unknown_path_is_not_found_and_never_redirected(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json={})
    assert answer.status_code in (404, 405)
    check_error(answer, "not_found" if answer.status_code == 404 else "invalid")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/repos", {"GET", "HEAD", "POST"}),
        ("POST", "/ada/song/refs", {"GET", "HEAD"}),
        ("DELETE", "/ada/song/refs", {"GET", "HEAD"}),
        ("GET", "/ada/song/negotiate", {"POST"}),
        ("PUT", "/ada/song", {"DELETE", "PATCH"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("BREW", "/healthz", {"GET", "HEAD"}),
    ],
)
def test_unknown_method_is_refused(client: httpx.Client, method: str, path: str, allowed: set[str]) -> None:
    before = _state(client)
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) <= allowed
    check_error(answer, "invalid")
    assert _state(client) == before


def test_operations_need_no_token(hub: HubProcess) -> None:
    with httpx.Client(base_url=hub.url, trust_env=False) as anonymous:
        alive = anonymous.get("/healthz").json()
        assert alive["ok"] is True and alive == anonymous.get("/healthz").json()
        hub.restart()
        assert anonymous.get("/healthz").json()["instance"] != alive["instance"]
        assert anonymous.get("/readyz").json() == {"ok": True, "database": "ok", "store": "ok", "spool": "ok"}
        version = anonymous.get("/version").json()
        assert version["protocol"] == 1 and version["version"]


def test_every_request_has_an_id_of_the_hubs_own_in_answer_and_log(client: httpx.Client, hub: HubProcess) -> None:
    ids = {client.get("/version", headers={"X-Request-Id": "mine"}).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3 and "mine" not in ids
    for item in ids:
        hub.wait_for_log(f"request_id={item}")


def test_path_cannot_write_a_line_into_the_log(client: httpx.Client, hub: HubProcess) -> None:
    client.get("/a%0Ainjected%20line/b/refs?secret=hunter2")
    hub.wait_for_log("injected")
    assert not any(line.startswith("injected") for line in hub.log.splitlines())
    assert "hunter2" not in hub.log
