"""What a client makes of answers that no hub gives: each ends in words about who answered, and soon."""

from __future__ import annotations

import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgpack
import pytest

from museui.core.errors import Integrity, MuseError, Unavailable, Unreachable, UploadExpired
from museui.hub.client import HubClient, HubLine
from museui.hub.url import RepositoryUrl
from museui.repo.repository import Repository
from museui.sync.negotiate import fetch_refs
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder

MSGPACK, JSON, HTML = "application/x-msgpack", "application/json", "text/html"
REFS = {"repo_id": "r", "branch_heads": {"main": "a" * 64}, "domain": "code", "default_branch": "main"}
HUB = {"X-Request-Id": "5a5a5a5a5a5a5a5a"}
LATER = b'{"error": {"code": "unavailable", "message": "m"}}'
ANSWERS: dict[str, tuple[int, str, bytes, dict[str, str]]] = {
    "html": (200, HTML, b"<html>", {}),
    "empty": (200, MSGPACK, b"", HUB),
    "truncated": (200, MSGPACK, msgpack.packb(REFS)[:-3], HUB),
    "unsigned": (200, MSGPACK, msgpack.packb(REFS), {}),
    "null": (200, MSGPACK, msgpack.packb(None), HUB),
    "other": (200, MSGPACK, msgpack.packb({"repo_id": 5, "branch_heads": {}}), HUB),
    "coded": (200, MSGPACK, b"not gzip", {"Content-Encoding": "gzip"}),
    "coded-error": (500, JSON, b"not gzip", {"Content-Encoding": "gzip"}),
    "moved": (302, HTML, b"", {"Location": "http://portal/"}),
    "not-found": (404, HTML, b"<html>", {}),
    "teapot": (418, HTML, b"tea", {}),
    "gateway": (502, HTML, b"<html>", {}),
    "wordless": (400, JSON, b'{"error": {}}', {}),
    "numbers": (403, JSON, b'{"error": {"code": 5, "message": "no", "hint": [1], "details": [1]}}', HUB),
    "somebody": (403, JSON, b'{"error": {"code": "forbidden", "message": "no"}}', {}),
    "late": (503, JSON, LATER, {**HUB, "Retry-After": "1" * 5000}),
    "odd": (503, JSON, LATER, {**HUB, "Retry-After": "\xb2"}),
}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fetching = threading.Event()
    """Set once somebody waits for the end of a bundle."""

    def do_GET(self) -> None:
        if self.path.partition("?")[0].endswith("/refs") and "/good/" in self.path:
            self._answer(200, MSGPACK, msgpack.packb(REFS), HUB)
        else:
            self._answer(*ANSWERS[self.path.split("/")[1]])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.send_header("X-Request-Id", HUB["X-Request-Id"])
        self.end_headers()
        self.wfile.write(b"\x28\xb5\x2f\xfd")
        self.wfile.flush()
        self.fetching.set()
        with suppress(OSError):
            self.connection.recv(1)  # until the client has gone
        self.close_connection = True

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        code = self.path.strip("/").encode()
        self._answer(404, "application/xml", b"<?xml?><Error><Code>" + code + b"</Code></Error>", {})

    def _answer(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where something answers that is no hub."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("html", Unreachable, "is not a hub"),
        ("empty", Unreachable, "is not a hub"),
        ("truncated", Unreachable, "is not a hub"),
        ("unsigned", Unreachable, "is not a hub"),
        ("null", Integrity, "of another version: Refs: the message is not a map"),
        ("other", Integrity, "of another version: field 'repo_id' is not str"),
        ("coded", Unreachable, "cannot be read"),
        ("coded-error", Unreachable, "HTTP 500 from"),
        ("moved", Unreachable, "HTTP 302 from 127.0.0.1:[0-9]+, and not from a hub: it redirects to 'http://portal/'"),
        ("not-found", Unreachable, "HTTP 404 from 127.0.0.1:[0-9]+, and not from a hub"),
        ("teapot", Unreachable, "HTTP 418 from"),
        ("gateway", Unreachable, "HTTP 502 from"),
        ("wordless", Unreachable, "HTTP 400 from"),
        ("numbers", Unreachable, "HTTP 403 from"),
        ("somebody", Unreachable, "HTTP 403 from"),
        ("late", Unavailable, "^m$"),
        ("odd", Unavailable, "^m$"),
    ],
)
async def test_the_error_says_who_answered(address: str, kind: str, error: type[MuseError], words: str) -> None:
    async with HubClient(RepositoryUrl(f"{address}/{kind}", "ada", "song"), "token") as client:
        with pytest.raises(error, match=words) as caught:
            await fetch_refs(client)
    assert type(caught.value) is error and "retry_after_s" not in caught.value.details


async def test_somebody_who_is_asked_for_an_account_and_has_none_is_no_hub(address: str) -> None:
    async with HubLine(f"{address}/null", "token") as line:
        with pytest.raises(Integrity, match="is not a hub"):
            await line.fetch_account()


@pytest.mark.parametrize("whole", [True, False])
async def test_an_upload_that_is_cut_says_how_far_it_came(whole: bool) -> None:
    size = 24 << 20

    def serve() -> None:
        stream, _ = listener.accept()
        stream.recv(1 << 16)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()  # a reset, as a proxy gives that has had enough

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(24):
            yield bytes(1 << 20)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with HubClient(RepositoryUrl(base, "ada", "song"), "token") as client:
            words = "during an upload of 24.0 MiB" if whole else r"after \d+\.\d M?i?B of 24.0 MiB|after 0 B of"
            with pytest.raises(Unreachable, match=f"was reached, and the line was cut ({words})") as caught:
                await client.put(f"{base}/staging/u", {}, size, bytes(size) if whole else pieces())
        thread.join()
    assert "museui doctor" in caught.value.hint and caught.value.details["size_bytes"] == size


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("NoSuchBucket", Unavailable, r"HTTP 404 \(NoSuchBucket\) from the object store at .*: the bucket .* is gone"),
        ("NoSuchKey", UploadExpired, r"HTTP 404 \(NoSuchKey\) from the object store at"),
        ("nobody", Unreachable, "cannot reach the object store at 127.0.0.1:9: "),
    ],
)
async def test_an_error_of_the_object_store_says_so(
    address: str, kind: str, error: type[MuseError], words: str
) -> None:
    async with HubClient(RepositoryUrl("http://127.0.0.1:10", "ada", "song"), "token") as client:
        store = "http://127.0.0.1:9" if kind == "nobody" else address
        with pytest.raises(error) as caught:
            await client.put(f"{store}/{kind}", {}, 1, b"x")
    assert re.match(words, caught.value.message)
    assert kind != "nobody" or "127.0.0.1:9 runs" in caught.value.hint


def test_a_clone_that_is_broken_off_leaves_nothing(address: str, home: Path, tmp_path: Path) -> None:
    _Handler.fetching.clear()
    command = [sys.executable, "-m", "museui", "clone", f"{address}/good/ada/song", "copy"]
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    assert _Handler.fetching.wait(60)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert (process.returncode, said.strip()) == (130, b"error: interrupted")
    assert not (tmp_path / "copy").exists()


def test_what_no_hub_says_is_a_failure_of_the_push_in_its_document(
    museui: Museui, address: str, tmp_path: Path
) -> None:
    root = RepositoryBuilder(tmp_path / "song").root
    answer = museui("push", root, "--remote", f"{address}/html/ada/song", "--json", MUSEUI_TOKEN="x")
    assert answer.code == 2 and answer.document["error"]["code"] == "usage" and answer.document["phases"] == []
    assert Repository.open(root).branches() == {}
