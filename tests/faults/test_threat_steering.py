"""A bad hub far away: neither does it steer an upload into the network of whoever pushes, nor get a token unasked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgpack
import pytest

from museui.core import wire
from tests.helpers.certificates import write_certificates
from tests.helpers.program import Museui
from tests.helpers.recording_proxy import RecordingProxy
from tests.helpers.watched import make_repository


class _BadHub(BaseHTTPRequestHandler):
    url = ""
    headers_wanted: dict[str, str] = {}  # noqa: RUF012
    tokens: list[str | None] = []  # noqa: RUF012

    def _answer(self, document: Any) -> None:
        body = msgpack.packb(document)
        self.tokens.append(self.headers.get("Authorization"))
        self.send_response(200)
        for name, value in {
            "Content-Type": "application/x-msgpack",
            "X-Request-Id": "5a5a5a5a5a5a5a5a",
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer(wire.encode(wire.Refs("r", {})))

    def do_POST(self) -> None:
        asked = msgpack.unpackb(self.rfile.read(int(self.headers["Content-Length"])))
        answer = wire.PresignAnswer(asked["bundle_id"][7:], self.url, "u", 60, headers=self.headers_wanted)
        self._answer(wire.encode(answer))

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class _Printer(BaseHTTPRequestHandler):
    """Something in the network of whoever pushes, that takes whatever comes."""

    asked: list[str] = []  # noqa: RUF012

    def do_PUT(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _serve(handler: type[BaseHTTPRequestHandler], folder: Path | None = None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if folder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "public.crt", folder / "private.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Scene:
    """The hub ``https://hub.test``, reached by a proxy as one far away is, and a printer on this machine."""

    def __init__(self, folder: Path, museui: Museui) -> None:
        write_certificates(folder)
        self.hub, self.printer = _serve(_BadHub, folder), _serve(_Printer)
        self.proxy = RecordingProxy()
        self.proxy.ways["hub.test"] = self.hub.server_port
        self.url = f"https://hub.test:{self.hub.server_port}/ada/song"
        self.song = make_repository(folder, self.url, "song")
        self.song.commit({"a": b"one"})
        self._variables = {"MUSEUI_CA": str(folder / "ca.crt"), "HTTPS_PROXY": self.proxy.url, "MUSEUI_TOKEN": "muse_x"}
        self._museui = museui
        _BadHub.tokens.clear()
        _BadHub.headers_wanted = {}
        _Printer.asked.clear()

    def run(self, *arguments: str | Path, **variables: str) -> tuple[int, str]:
        """The command in the repository: exit code and what was said."""
        answer = self._museui(*arguments, cwd=self.song.root, **{**self._variables, **variables})
        return answer.code, answer.err


@pytest.fixture
def scene(tmp_path: Path, museui: Museui) -> Iterator[_Scene]:
    made = _Scene(tmp_path, museui)
    with made.proxy:
        yield made
    for server in (made.hub, made.printer):
        server.shutdown()
        server.server_close()


def test_a_hub_far_away_sends_nothing_into_the_network(scene: _Scene, home: Path) -> None:
    port = scene.printer.server_port
    push = ("push", "--no-daemon", "--strategy", "bundle", "--remote", scene.url)
    for _BadHub.url in (f"http://127.0.0.1:{port}/print", f"http://localhost:{port}/print", "https://10.0.0.1/print"):
        code, said = scene.run(*push)
        assert code == 5 and "within your network" in said and "private_store = true" in said, said
    own = scene.url.replace("/ada/song", "/staging/u")
    for _BadHub.url, _BadHub.headers_wanted in ((own, {"Authorization": "Bearer y"}), (own, {"X-Any": "thing"})):
        code, said = scene.run(*push)
        assert code == 5 and "which no object store needs" in said, said
    assert _Printer.asked == []

    config = home / ".config" / "museui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[hubs."hub.test:{scene.hub.server_port}"]\nprivate_store = true\n')
    _BadHub.url, _BadHub.headers_wanted = f"http://127.0.0.1:{port}/bucket/u", {"If-None-Match": "*"}
    scene.run(*push)
    assert set(_Printer.asked) == {"/bucket/u"}


def test_a_token_of_the_environment_goes_to_no_hub_that_a_repository_alone_names(scene: _Scene) -> None:
    for command in ("push", "fetch", "pull"):
        code, said = scene.run(command)
        assert code == 2 and "MUSEUI_TOKEN" in said and f"MUSEUI_HUB=hub.test:{scene.hub.server_port}" in said
    assert scene.run("doctor")[0] == 1
    assert scene.proxy.received == []
    scene.run("fetch", MUSEUI_HUB="other.example")
    assert set(_BadHub.tokens) == {None}
    scene.run("fetch", MUSEUI_HUB=f"hub.test:{scene.hub.server_port}")
    assert _BadHub.tokens.pop() == "Bearer muse_x"


@pytest.mark.parametrize("way", ["push", "clone", "remote"])
def test_a_hub_that_was_named_on_the_command_line_gets_it_from_then_on(scene: _Scene, way: str, tmp_path: Path) -> None:
    match way:
        case "push":
            _BadHub.url = "https://10.0.0.1/"
            scene.run("push", "--no-daemon", "--remote", scene.url)
        case "clone":
            scene.run("clone", scene.url, tmp_path / "copy")
        case _:
            assert scene.run("remote", "add", "second", scene.url)[0] == 0
    _BadHub.tokens.clear()
    scene.run("fetch", "--remote", "origin")
    assert set(_BadHub.tokens) == {"Bearer muse_x"}
