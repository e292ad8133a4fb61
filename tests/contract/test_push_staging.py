"""The rules of the embedded store's presigned PUT: one object, once, of one length and one digest, for a while."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents, stored_files
from tests.helpers.push_client import WAIT_S, PushClient, error_code, path_and_query, wait_until
from tests.helpers.records import make_history, pack

HISTORY = make_history({"a": b"content", "b": bytes(100_000)})


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    slug = "".join(char if char.isalnum() else "-" for char in request.node.name)[:90].strip("-")
    with PushClient(hub, slug) as made:
        yield made


def _wire(client: PushClient) -> bytes:
    """A bundle that no other test uploads."""
    return pack(HISTORY.bundle(meta={"format": 1, "tool": client.url}))


def _changed(url: str, **fields: str | None) -> str:
    path, query = path_and_query(url)
    values: dict[str, str | None] = {**dict(parse_qsl(query)), **fields}
    kept = {name: value for name, value in values.items() if value is not None}
    return url.replace(f"{path}?{query}", f"{path}?{urlencode(kept)}")


def test_an_url_takes_its_bytes_without_a_token_and_only_once(client: PushClient) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    assert client.put(url, wire) == (200, None)
    for _ in range(2):
        status, answer = client.put(url, wire)
        assert (status, error_code(answer)) == (410, "upload_expired")
        assert "resign" in answer["error"]["hint"]
    assert client.confirm(wire, HISTORY.head)[0] == 200
    assert error_code(client.put(url, wire)[1]) == "upload_expired"
    assert not any(path.startswith("store/staging/") for path in hub_contents(client.hub.data_dir)[1])


def test_one_of_many_puts_at_once_wins(client: PushClient) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.put(url, wire), range(8)))
    statuses = [status for status, _ in answers]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 410, 503}, "no more than three arrive at once"
    assert client.confirm(wire, HISTORY.head)[0] == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "1"},
        {"sha256": "0" * 64},
        {"expires": "99999999999"},
        {"signature": "0" * 64},
        {"signature": None},
        {"headers": "1"},
        {"expires": "x\nheaders=1"},
        {"size": None, "expires": None, "sha256": None, "signature": None},
    ],
)
def test_a_changed_url_is_refused(client: PushClient, changes: dict[str, str | None]) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    status, answer = client.put(_changed(url, **changes), wire)
    assert (status, error_code(answer)) == (403, "forbidden")
    assert client.put(url, wire)[0] == 200


def test_an_url_is_good_for_its_own_upload_and_method_alone(client: PushClient) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    other = client.presign(wire + b"x")[1]["upload_id"]
    path = path_and_query(url)[0]
    status, answer = client.put(url.replace(path, f"/staging/{other}"), wire)
    assert (status, error_code(answer)) == (403, "forbidden")
    assert client.put(url, wire)[0] == 200
    assert httpx.get(url, trust_env=False).status_code in (404, 405)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [("longer", 413, "too_large"), ("shorter", 422, "invalid"), ("other", 422, "integrity"), ("", 422, "invalid")],
)
def test_other_bytes_are_refused_and_not_kept(client: PushClient, body: str, status: int, code: str) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    sent = {"longer": wire + b"x", "shorter": wire[:-1], "other": b"x" * len(wire), "": b""}[body]
    files = stored_files(client.hub.data_dir)
    answer = client.put(url, sent)
    assert (answer[0], error_code(answer[1])) == (status, code)
    assert stored_files(client.hub.data_dir) - files == set()
    assert client.put(url, wire)[0] == 200


def test_a_body_without_its_length_is_refused(client: PushClient) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    response = httpx.put(url, content=iter([wire]), trust_env=False)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")
    assert "Content-Length" in response.json()["error"]["message"]


def test_promised_headers_are_required(client: PushClient) -> None:
    wire = _wire(client)
    answer = client.presign(wire, put_headers=True)[1]
    url, headers = answer["presigned_url"], answer["headers"]
    assert {name.lower() for name in headers} == {"content-type", "x-amz-checksum-sha256", "if-none-match"}
    for name in headers:
        left_out = {other: value for other, value in headers.items() if other != name}
        for sent in (left_out, {**headers, name: "something-else"}):
            response = httpx.put(url, content=wire, headers=sent, trust_env=False)
            assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")
            assert name in response.json()["error"]["message"]
    assert client.put(_changed(url, headers=None), wire)[0] == 403
    assert client.put(url, wire, **headers)[0] == 200


def test_nothing_that_was_not_promised_is_required(client: PushClient) -> None:
    wire = _wire(client)
    answer = client.presign(wire)[1]
    assert answer["headers"] == {}
    assert httpx.put(answer["presigned_url"], content=wire, trust_env=False).status_code == 200


def test_an_interrupted_upload_leaves_nothing(client: PushClient) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    files = stored_files(client.hub.data_dir)
    path, query = path_and_query(url)
    head = f"PUT {path}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(wire)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", client.hub.port), timeout=WAIT_S) as connection:
        connection.sendall(head + wire[: len(wire) // 2])
        wait_until(lambda: any(path.startswith("spool/") for path in stored_files(client.hub.data_dir)))
    wait_until(lambda: stored_files(client.hub.data_dir) == files)
    assert client.presign(wire)[1]["already_present"] is False
    assert client.put(url, wire)[0] == 200


def test_an_url_expires_and_presigning_again_goes_on() -> None:
    with HubProcess("--upload-ttl", "1") as hub, PushClient(hub) as client:
        late, early = pack(HISTORY.bundle()), pack(HISTORY.bundle(meta={"format": 1}))
        expired = client.presign(late)[1]
        assert expired["expires_in"] == 1
        assert client.put(client.presign(early)[1]["presigned_url"], early)[0] == 200
        time.sleep(2)
        status, answer = client.put(expired["presigned_url"], late)
        assert (status, error_code(answer)) == (410, "upload_expired")
        fresh = client.presign(late)[1]
        assert fresh["upload_id"] != expired["upload_id"]
        assert client.put(fresh["presigned_url"], late)[0] == 200
        assert client.presign(early)[1]["already_present"] is True
        assert client.confirm(early, HISTORY.head)[0] == 200


def test_urls_never_reach_the_log(client: PushClient) -> None:
    wire = _wire(client)
    url = client.presign(wire)[1]["presigned_url"]
    client.put(url, wire)
    wait_until(lambda: path_and_query(url)[0] in client.hub.log)
    assert dict(parse_qsl(path_and_query(url)[1]))["signature"] not in client.hub.log
