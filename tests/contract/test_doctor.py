"""`museui doctor` against a hub that is well, against what only looks like one, and beside a daemon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgpack
import pytest

from museui.core import wire
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.portal import Foreign, Portal
from tests.helpers.watched import make_repository


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def home() -> Iterator[DaemonProcess]:
    """A home folder, of whose daemon nothing runs until it is started."""
    made = DaemonProcess()
    yield made
    made.close()


def by_name(document: Any) -> dict[str, Any]:
    return {check["name"]: check for check in document["checks"]}


def wrong(document: Any) -> set[str]:
    return {name for name, check in by_name(document).items() if not check["ok"]}


def test_without_a_daemon_the_machine_and_the_hubs_are_looked_at(
    home: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "song")
    song.commit({"a": b"one"})
    lonely = home.json("-C", song.root, "doctor", expect=1)
    assert lonely["daemon"] is False and wrong(lonely) == {f"token {hub.url}"}
    assert by_name(lonely)[f"token {hub.url}"]["hint"] == f"Sign in: museui login {hub.url}"

    home.sign_in(hub)
    before = home.json("doctor", song.root)
    assert f"store 127.0.0.1:{hub.port}" not in by_name(before), "there is no repository yet, and none was made"
    home.museui("-C", song.root, "push")
    well = home.json("doctor", song.root)
    assert well["ok"] is True
    found = by_name(well)
    assert "refuses what was not" in found[f"store 127.0.0.1:{hub.port}"]["message"]
    assert {f"hub {hub.url}", f"clock {hub.url}", f"token {hub.url}", f"proxy {hub.url}"} <= found.keys()
    assert home.json("-C", song.root, "status")["branches"][0]["state"] == "safe", "nothing was pushed"

    home.sign_in(hub, "muse_0000000000000000_" + "x" * 43)
    assert wrong(home.json("doctor", song.root, expect=1)) == {f"token {hub.url}"}
    home.config.parent.mkdir(parents=True)
    home.config.write_text(f'[[repositories]]\npath = "{song.root}"\n[[repositories]]\npath = "/nowhere/at/all"\n')
    said = home.museui("doctor", "--quiet", expect=1)
    assert "museui daemon start" in said.stdout and "repository /nowhere/at/all" in said.stdout
    assert "✓" not in said.stdout and said.stderr == ""

    (song.muse / "tags/r").mkdir(parents=True)
    (song.muse / "tags/r/x.json").write_text("{")
    with (song.muse / "config.toml").open("a") as config:
        config.write('[remotes.bad]\nurl = 3\n[remotes.ftp]\nurl = "ftp://hub.example/ada/song"\n')
    said = home.museui("doctor", "--quiet", expect=1)
    assert all(words in said.stdout for words in ("tags/r/x.json", "[remotes.bad]", f"remote ftp of {song.root}"))


def test_with_a_daemon_its_checks_are_shown_and_the_hub_of_this_repository_besides(
    home: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    home.sign_in(hub)
    song, other = (
        make_repository(tmp_path, hub, "watched"),
        make_repository(tmp_path, "http://127.0.0.1:9/a/b", "other"),
    )
    song.commit({"a": b"one"})
    with home:
        home.watch(song.root)
        home.wait_safe()
        document = home.json("doctor")
        assert document["daemon"] is True and document["ok"] is True
        assert {"places", "configuration", "socket", "disk", "watching", f"repository {song.root}"} <= set(
            by_name(document)
        )
        assert {f"hub {hub.url}", f"store 127.0.0.1:{hub.port}"} <= set(by_name(document))
        gone = home.json("-C", other.root, "doctor", expect=1)
        assert wrong(gone) == {"hub http://127.0.0.1:9"}
        assert len(gone["checks"]) == len(document["checks"]) + 1
        rival = make_repository(tmp_path / "rival", hub, "watched")
        rival.commit({"a": b"another history"})
        home.watch(rival.root)
        name = f"repository {rival.root}"
        home.wait(
            lambda: any(entry["state"] == "stopped" for entry in home.client.get("queue")["queue"]), "the refusal"
        )
        refused = home.json("doctor", expect=1)
        assert wrong(refused) == {name} and "museui remote list" in by_name(refused)[name]["hint"]


class Dishonest(BaseHTTPRequestHandler):
    """A hub a day behind, whose store takes whatever comes, behind a proxy that lets no large body pass."""

    def log_message(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Sun, 06 Nov 1994 08:49:37 GMT"

    def _answer(self, document: dict[str, Any] | None, status: int = 200) -> None:
        body = b"<html>too large" if document is None else msgpack.packb(document)
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if document is None else "application/x-msgpack")
        self.send_header("Content-Length", str(len(body)))
        if document is not None:
            self.send_header("X-Request-Id", "5a5a5a5a5a5a5a5a")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/version":
            self._answer({"name": "museui hub", "version": "9"})
        elif self.path == "/user":
            self._answer(wire.encode(wire.Account("ada", "admin", None, None)))
        else:
            self._answer(wire.encode(wire.Refs("id", {})))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path.endswith("presign"):
            host = self.headers["Host"]
            asked = msgpack.unpackb(body)
            answer = {"bundle_id": asked["bundle_id"], "presigned_url": f"http://{host}/staging", "method": "PUT"}
            answer |= {"headers": {"x-amz-checksum-sha256": "x"}, "expires_in": 60, "upload_id": "u"}
            self._answer({**answer, "already_present": False})
        else:
            self._answer(None, 413)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({})


def test_a_wrong_clock_a_dishonest_store_and_a_narrow_proxy_are_found(home: DaemonProcess, tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dishonest)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        song = make_repository(tmp_path, f"{base}/ada/song", "song")
        document = home.json("doctor", song.root, expect=1, MUSEUI_TOKEN="muse_x")
        assert wrong(document) == {f"clock {base}", f"store 127.0.0.1:{server.server_port}", f"proxy {base}"}
        found = by_name(document)
        assert "ahead of" in found[f"clock {base}"]["message"]
        assert "takes other bytes and another length" in found[f"store 127.0.0.1:{server.server_port}"]["message"]
        assert "2.0 MiB does not reach" in found[f"proxy {base}"]["message"]
        assert "limits the size" in found[f"proxy {base}"]["hint"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("only", "answer", "wrong_name"),
    [
        ("/staging/", Foreign(413), "store"),
        ("/staging/", Foreign(403), "store"),
        ("/push/stream", Foreign(413), "proxy"),
        ("/push/stream", Foreign(403), "proxy"),
    ],
)
def test_what_lets_small_bodies_pass_alone_is_found(
    home: DaemonProcess, hub: HubProcess, tmp_path: Path, only: str, answer: Foreign, wrong_name: str
) -> None:
    with Portal(hub.port) as portal:
        song = make_repository(tmp_path, f"{portal.url}/ada/narrow", "song")
        song.commit({"a": b"one"})
        home.museui("-C", song.root, "push", MUSEUI_TOKEN=hub.token)
        portal.answer, portal.only, portal.from_bytes = answer, only, 1_000_000
        document = home.json("doctor", song.root, expect=1, MUSEUI_TOKEN=hub.token)
        assert {name.partition(" ")[0] for name in wrong(document)} == {wrong_name}


def test_what_is_no_repository_is_refused(home: DaemonProcess, tmp_path: Path) -> None:
    assert home.json("doctor", tmp_path / "nosuch", expect=2)["error"]["code"] == "usage"


def test_a_daemon_of_another_version_is_said(home: DaemonProcess, tmp_path: Path) -> None:
    folder = tmp_path / "museui-9.9.9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: museui\nVersion: 9.9.9\n")
    home.start()
    assert "version" not in by_name(home.json("doctor"))
    told = home.json("doctor", expect=1, PYTHONPATH=f"{tmp_path}:{home.environment['PYTHONPATH']}")
    assert wrong(told) == {"version"}
    assert "9.9.9" in by_name(told)["version"]["message"]
    assert by_name(told)["version"]["hint"] == "Start it anew: museui daemon restart"
