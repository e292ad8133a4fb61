"""Clients that break HTTP or take their time: they are cut off, others are served, and nothing changes."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.plain_client import make_bundle, push

WAIT_S = 60
"""How long anything here may take before it counts as hanging."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    patience = ["--header-timeout", "2", "--body-idle", "0.5", "--body-grace", "1", "--body-min-rate", "1000"]
    patience += ["--send-idle", "0.5"]
    with HubProcess(*patience) as process:
        process.command("repo", "create", "ada/song")
        yield process


def _connect(hub: HubProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", hub.port), timeout=WAIT_S)


def _read_to_end(connection: socket.socket) -> bytes:
    """Everything until the hub closes the connection; raises when it stays open without a word."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def _head(hub: HubProcess, *lines: str, path: str = "/ada/song/negotiate", token: str | None = None) -> bytes:
    head = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{hub.port}", "Content-Type: application/json"]
    head += [f"Authorization: Bearer {token or hub.token}", *lines, "", ""]
    return "\r\n".join(head).encode()


def _raw(hub: HubProcess, data: bytes) -> bytes:
    with _connect(hub) as connection:
        connection.sendall(data)
        return _read_to_end(connection)


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def _serves(hub: HubProcess) -> bool:
    return httpx.get(hub.repository() + "/refs", headers=hub.headers, trust_env=False).status_code == 200


def test_silent_connections_and_slow_headers_are_closed_while_others_are_served(hub: HubProcess) -> None:
    connections = [_connect(hub) for _ in range(40)]
    try:
        for number, connection in enumerate(connections):
            connection.sendall([b"", b"P", b"POST / HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "][number % 4])
        assert _serves(hub)
        for connection in connections:
            assert not _read_to_end(connection).startswith(b"HTTP/1.1 2")
    finally:
        for connection in connections:
            connection.close()
    assert _serves(hub)


def test_body_that_stands_still_is_given_up(hub: HubProcess) -> None:
    with _connect(hub) as connection:
        connection.sendall(_head(hub, "Content-Length: 1000") + b'{"have": [')
        answer = _read_to_end(connection)
    assert _status(answer) == 503
    assert b'"code":"unavailable"' in answer and b"retry-after: 1" in answer.lower()


def test_body_that_trickles_under_the_minimum_rate_is_given_up(hub: HubProcess) -> None:
    stop = threading.Event()
    with _connect(hub) as connection:
        connection.sendall(_head(hub, "Content-Length: 100000"))

        def trickle() -> None:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            answer = _read_to_end(connection)
        finally:
            stop.set()
            thread.join()
    assert _status(answer) == 503


def test_body_in_chunks_of_one_byte_is_read(hub: HubProcess) -> None:
    body = b'{"have": []}' + b" " * 2000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    answer = _raw(hub, _head(hub, "Transfer-Encoding: chunked", "Connection: close") + chunks)
    assert _status(answer) == 200
    assert b'"ready":true' in answer


def test_chunks_without_end_are_cut_off_at_the_limit(hub: HubProcess) -> None:
    with _connect(hub) as connection:
        connection.sendall(_head(hub, "Transfer-Encoding: chunked"))
        try:
            for _ in range(64):
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        except OSError:
            pass
        answer = _read_to_end(connection)
    assert not answer or _status(answer) == 413
    assert _serves(hub)


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Content-Length: 4", "Content-Length: 12"], b'{"have": []}'),
        (["Content-Length: 12, 12"], b'{"have": []}'),
        (["Content-Length: -1"], b""),
        (["Content-Length: +12"], b'{"have": []}'),
        (["Content-Length: 0x0c"], b'{"have": []}'),
        (["Content-Length: 99999999999999999999999999"], b""),
        (["Transfer-Encoding: chunked"], b"zz\r\n"),
        (["Transfer-Encoding: chunked"], b"-1\r\n"),
        (["Transfer-Encoding: gzip"], b""),
        (["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
        (["Bad Header: x", "Content-Length: 12"], b'{"have": []}'),
    ],
)
def test_length_that_is_no_length_is_refused_and_the_connection_closed(
    hub: HubProcess, lines: list[str], body: bytes
) -> None:
    answer = _raw(hub, _head(hub, *lines) + body)
    assert not answer or _status(answer) in (400, 413, 422, 501, 503)
    assert _serves(hub)


def test_request_with_both_lengths_cannot_hide_a_second_one(hub: HubProcess) -> None:
    inner = f"DELETE /ada/song HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n\r\n".encode()
    chunked = b"c\r\n" + b'{"have": []}' + b"\r\n0\r\n\r\n"
    head = _head(hub, f"Content-Length: {len(chunked) + len(inner)}", "Transfer-Encoding: chunked")
    answer = _raw(hub, head + chunked + inner)
    assert answer.count(b"HTTP/1.1 ") <= 1 or b"204" not in answer
    assert _serves(hub)


def test_client_that_leaves_in_the_middle_of_a_body_changes_nothing(hub: HubProcess) -> None:
    body = b'{"owner": "ada", "slug": "half"}'
    for size in (0, 1, len(body) - 1):
        with _connect(hub) as connection:
            connection.sendall(_head(hub, f"Content-Length: {len(body)}", path="/repos") + body[:size])
            connection.shutdown(socket.SHUT_WR)
            _read_to_end(connection)
    listed = httpx.get(hub.url + "/repos", headers=hub.headers, trust_env=False).json()["repositories"]
    assert [item["slug"] for item in listed] == ["song"]


def test_headers_without_end_are_refused(hub: HubProcess) -> None:
    with _connect(hub) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        try:
            for number in range(2000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"a" * 1000))
        except OSError:
            pass
        answer = _read_to_end(connection)
    assert not answer or _status(answer) in (400, 431)
    assert _serves(hub)


def test_bytes_that_are_not_http_are_refused(hub: HubProcess) -> None:
    for rubbish in (
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 100,
        b"\x00" * 9999,
    ):
        answer = _raw(hub, rubbish)
        assert not answer or _status(answer) in (400, 431, 505)
    assert _serves(hub)


def test_host_header_that_is_no_host_is_an_error_and_not_a_fault(hub: HubProcess) -> None:
    body = b'{"bundle_id": "%s", "size_bytes": 10}' % (b"0" * 64)
    for host in ("[", "a b", "x/../y", "evil@127.0.0.1", "a" * 300, "", "[::1"):
        head = f"POST /ada/song/push/bundle/presign HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {hub.token}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = _raw(hub, head.encode() + body)
        assert _status(answer) in (400, 422)
    assert _serves(hub)


def test_client_that_leaves_an_answer_unread_is_cut_off(hub: HubProcess) -> None:
    content = random.Random(1).randbytes(24 << 20)
    bundle, head = make_bundle({"take.wav": content}, "a take", "2026-01-01T00:00:00+00:00")
    assert push(hub.repository(), hub.token, bundle, "main", head).status_code == 200
    path = f"/o/{hashlib.sha256(content).hexdigest()}"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(WAIT_S)
        connection.connect(("127.0.0.1", hub.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n\r\n".encode())
        hub.wait_for_log(f"path={path}")
        answer = _read_to_end(connection)
    assert _status(answer) == 200
    assert len(answer) < len(content)
    whole = httpx.get(hub.url + path, headers=hub.headers, trust_env=False)
    assert whole.content == content
