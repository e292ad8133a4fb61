"""The local API against bad input and odd readers: a clear answer, and nothing changed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from museui.core.errors import Invalid, NotFound, Unreachable, Usage
from museui.local.client import LocalClient, NoDaemon
from museui.local.messages import COLLECTIONS
from tests.helpers.daemon import DaemonProcess
from tests.helpers.watched import make_repository


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    with DaemonProcess() as process:
        yield process


def exchange(daemon: DaemonProcess, request: bytes) -> tuple[int, Any]:
    """What comes back for these bytes: status and document; 0 when the connection is just closed."""
    with closing(socket.socket(socket.AF_UNIX)) as stream:
        stream.settimeout(30)
        stream.connect(str(daemon.socket))
        stream.sendall(request)
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
    if not answer:
        return 0, None
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def request(method: str, path: str, body: bytes = b"") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_the_socket_is_for_its_user_alone(daemon: DaemonProcess) -> None:
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(daemon.socket.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"rubbish\r\n\r\n", 422, "invalid"),
        (request("GET", "/v2/state"), 404, "not_found"),
        (request("GET", "/"), 404, "not_found"),
        (request("DELETE", "/v1/state"), 404, "not_found"),
        (request("GET", "/v1/repositories/none"), 404, "not_found"),
        (request("POST", "/v1/queue/none/retry"), 404, "not_found"),
        (request("GET", "/v1/pushes/none"), 404, "not_found"),
        (request("GET", "/v1/pushes/999999999999999999"), 404, "not_found"),
        (request("GET", "/v1/pushes/7/commits"), 404, "not_found"),
        (request("GET", "/v1/pushes/x/commits"), 404, "not_found"),
        (request("GET", "/v1/pushes?limit=0"), 422, "invalid"),
        (request("GET", "/v1/pushes?limit=x"), 422, "invalid"),
        (request("POST", "/v1/repositories", b"{"), 422, "invalid"),
        (request("POST", "/v1/repositories", b"[]"), 422, "invalid"),
        (request("POST", "/v1/repositories", b"{}"), 422, "invalid"),
        (request("POST", "/v1/repositories", b'{"path": 1}'), 422, "invalid"),
        (request("POST", "/v1/repositories", b'{"path": "/", "remot": "x"}'), 422, "invalid"),
        (request("POST", "/v1/repositories", b'{"path": "relative"}'), 400, "usage"),
        (request("POST", "/v1/repositories", b'{"path": "/"}'), 400, "usage"),
        (request("POST", "/v1/pushes", b'{"path": "/", "branch": "../x"}'), 422, "invalid"),
        (request("POST", "/v1/pushes", b'{"path": "/", "branch": "main"}'), 400, "usage"),
        (request("POST", "/v1/repositories", b"[" * 100_000), 422, "invalid"),
        (request("POST", "/v1/repositories", b" " * ((1 << 20) + 1)), 413, "too_large"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(
    daemon: DaemonProcess, sent: bytes, status: int, code: str
) -> None:
    found, document = exchange(daemon, sent)
    assert (found, document["ok"], document["error"]["code"]) == (status, False, code)
    assert daemon.client.get("repositories") == {"repositories": []}


_LONG = "/" + "x" * 100_000
_STRANGE = [_LONG, "/" + "x/" * 3000, "/tmp/" + "é" * 200, "/tmp/\0", ""]


@pytest.mark.parametrize("text", _STRANGE, ids=["100 KB", "many folders", "a long name", "NUL", "nothing"])
def test_a_text_that_no_path_or_name_can_be_is_invalid_in_every_field(daemon: DaemonProcess, text: str) -> None:
    bodies: dict[str, list[dict[str, Any]]] = {
        "repositories": [{"path": text}],
        "pushes": [{"path": text, "branch": "main"}, {"path": "/tmp", "branch": text or "a\u200bb"}],
        "pushes/leave": [{"path": text, "branch": "main"}],
    }
    if text:
        bodies["repositories"] += [{"path": "/tmp", "remote": text, "branches": [text]}]
        bodies["pushes"] += [{"path": "/tmp", "branch": "main", "remote": text, "token": text}]
    for where, requests in bodies.items():
        for body in requests:
            status, document = exchange(daemon, request("POST", f"/v1/{where}", json.dumps(body).encode()))
            assert 400 <= status < 500, (where, body.keys(), document)
    for where in ("found?below=", "repositories/", "pushes?repository=", "storage?hub="):
        status, document = exchange(daemon, request("GET", f"/v1/{where}{quote(text[:50_000], safe='')}"))
        assert 200 <= status < 500, (where, document)


def test_many_who_connect_and_say_nothing_do_not_keep_others_out(daemon: DaemonProcess) -> None:
    idle = [socket.socket(socket.AF_UNIX) for _ in range(50)]
    try:
        for stream in idle:
            stream.connect(str(daemon.socket))
        assert daemon.client.get("version")["api"] == 1
    finally:
        for stream in idle:
            stream.close()


def test_the_events_begin_with_every_collection(daemon: DaemonProcess) -> None:
    first = next(daemon.client.stream("GET", "events"))
    assert first["event"] == "state"
    assert set(first["state"]) == set(COLLECTIONS)
    assert first["state"] == daemon.client.get("state") | {"log": first["state"]["log"]}


def test_a_reader_that_goes_away_is_forgotten_and_one_that_sleeps_keeps_nobody_waiting(
    daemon: DaemonProcess, tmp_path: Path
) -> None:
    for _ in range(3):
        next(daemon.client.stream("GET", "events"))
    with closing(socket.socket(socket.AF_UNIX)) as sleeper:
        sleeper.connect(str(daemon.socket))
        sleeper.sendall(request("GET", "/v1/events"))
        song = make_repository(tmp_path, "http://127.0.0.1:9/ada/song", "song")
        song.commit({"a": b"one"})
        view = daemon.watch(song.root)
        for _ in range(30):
            daemon.client.post(f"repositories/{view['id']}/pause")
            daemon.client.post(f"repositories/{view['id']}/resume")
        daemon.client.ask("DELETE", f"repositories/{view['id']}")
    assert daemon.client.get("repositories") == {"repositories": []}


def test_repositories_below_a_folder_are_told_as_they_are_found(daemon: DaemonProcess, tmp_path: Path) -> None:
    song = make_repository(tmp_path / "my music", "https://hub.local/ada/song", "song")
    lines = list(daemon.client.stream("GET", f"found?below={quote(str(tmp_path))}"))
    found = {"path": str(song.root), "remote": "origin", "url": "https://hub.local/ada/song", "trouble": None}
    found |= {"proposed_url": None, "proposed_note": ""}
    assert [line["repository"] for line in lines if line["event"] == "found"] == [found]
    assert lines[-1] == {"event": "end", "folders": 3, "unreadable": 0, "complete": True}
    for below, error in ((str(tmp_path / "none"), NotFound), ("music", Invalid), ("", Invalid)):
        with pytest.raises(error):
            list(daemon.client.stream("GET", f"found?below={quote(below)}"))


def test_the_theme_is_written_to_the_configuration(daemon: DaemonProcess) -> None:
    daemon.client.ask("PATCH", "tui", {"theme": "museui-light"})
    assert '[tui]\ntheme = "museui-light"\n' in daemon.config.read_text()
    with pytest.raises(Invalid):
        daemon.client.ask("PATCH", "tui", {"theme": 1})


def test_there_is_one_daemon_of_a_user(daemon: DaemonProcess) -> None:
    done = daemon.museui("daemon", "run", expect=3)
    assert done.stderr == "error: a daemon runs already\nhint: `museui daemon status` shows it.\n"
    assert daemon.client.get("version")["pid"] == daemon.pid


def test_a_socket_that_a_killed_daemon_left_is_taken_over() -> None:
    with DaemonProcess() as daemon:
        daemon.kill()
        assert daemon.socket.exists()
        with pytest.raises(NoDaemon):
            daemon.client.get("version")
        daemon.start()
        assert daemon.client.get("version")["pid"] == daemon.pid
        os.kill(daemon.pid, 1)  # SIGHUP: the configuration is read again
        daemon.follow(lambda state: any("read again" in line.message for line in state.log.values()))
        daemon.client.post("stop")
        assert daemon.wait_ended() == 0


def test_a_socket_that_is_taken_away_comes_back_and_start_and_stop_wait_for_it() -> None:
    with DaemonProcess() as daemon:
        shutil.rmtree(daemon.runtime)  # as when its user logs out
        with pytest.raises(NoDaemon):
            daemon.client.get("version")
        daemon.runtime.mkdir()
        assert daemon.json("daemon", "start")["pid"] == daemon.pid
        assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
        assert "was gone: listening there anew" in daemon.log
        daemon.socket.unlink()
        assert daemon.json("daemon", "stop") == {"ok": True, "stopped": True}
        assert daemon.wait_ended() == 0
        assert not daemon.socket.exists()


def test_the_client_turns_answers_into_errors(daemon: DaemonProcess) -> None:
    with pytest.raises(NotFound):
        daemon.client.get("nothing")
    with pytest.raises(Invalid):
        daemon.client.post("repositories", {})
    with pytest.raises(Usage):
        daemon.client.post("repositories", {"path": "/"})
    with pytest.raises(NoDaemon, match="does not run"):
        LocalClient(str(daemon.folder / "none")).get("version")


def test_a_daemon_that_hangs_is_said_and_not_waited_for(daemon: DaemonProcess) -> None:
    client = LocalClient(str(daemon.socket), timeout_s=0.2)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Unreachable, match="does not answer"):
            client.get("version")
        with pytest.raises(Unreachable, match="does not answer"):
            next(client.stream("GET", "events"))
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


class OldHub(BaseHTTPRequestHandler):
    """Knows no path, as a hub from before there was one."""

    def do_GET(self) -> None:
        content = json.dumps({"ok": False, "error": {"code": "not_found", "message": "no such path"}}).encode()
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Request-Id", "1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_a_hub_that_does_not_tell_storage_is_asked_in_vain_and_one_that_is_not_used_not_at_all(
    daemon: DaemonProcess, tmp_path: Path
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), OldHub) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            view = daemon.watch(make_repository(tmp_path, f"{base}/ada/song", "old-hub").root)
            daemon.follow(lambda state: base in state.hubs)
            assert daemon.client.get(f"hubs/storage?base={base}") == {"storage": None}
        finally:
            server.shutdown()
    daemon.client.ask("DELETE", f"repositories/{view['id']}")
    with pytest.raises(NotFound):
        daemon.client.get("hubs/storage?base=https://hub.example")
    with pytest.raises(Invalid, match="base"):
        daemon.client.get("hubs/storage")
