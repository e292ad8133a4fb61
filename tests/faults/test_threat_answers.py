"""What a bad hub answers: the client and the daemon read no more of it than they must, and keep less."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import pytest
import zstandard

from museui.core import wire
from museui.core.errors import Integrity, Invalid, MuseError, TooLarge, Unreachable
from museui.hub import answers, client
from museui.hub.client import HubClient
from museui.hub.probe import Probe
from museui.hub.url import RepositoryUrl
from museui.local.client import LocalClient
from museui.repo.repository import Repository
from museui.sync import fetch as fetching
from museui.sync.fetch import fetch
from tests.helpers.daemon import DaemonProcess
from tests.helpers.disk import Disk
from tests.helpers.records import commit_record, snapshot_record
from tests.helpers.watched import make_repository

MiB = 1 << 20
GROWTH_BYTES = 96 * MiB
"""What an answer may cost beside one that a hub gives: the longest takes 16 MiB, and some more once it is decoded."""
KIND = "application/x-msgpack"
HUB = {"X-Request-Id": "5a5a5a5a5a5a5a5a"}
REFS = {"repo_id": "r", "branch_heads": {"main": "a" * 64}, "domain": "code", "default_branch": "main"}
ZEROS = bytes(64 * MiB)


class Bomb(NamedTuple):
    """An answer: its head, and what its body repeats until that many bytes are sent (or the reader has gone)."""

    status: int
    headers: dict[str, str]
    piece: bytes
    size: int
    start: bytes = b""


def _whole(status: int, body: bytes, **headers: str) -> Bomb:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Bomb(status, {"Content-Type": KIND, **HUB, **named}, b"", 0, body)


def _error(message: str, **more: Any) -> bytes:
    error = {"code": "forbidden", "message": message, "hint": "", "details": {}, **more}
    packed: bytes = msgpack.packb({"ok": False, "error": error})
    return packed


BOMBS = {
    "good": _whole(200, msgpack.packb(REFS)),
    "zstd": _whole(200, zstandard.compress(ZEROS) * 16, Content_Encoding="zstd"),
    "gzip": _whole(200, gzip.compress(ZEROS, 1), Content_Encoding="gzip"),
    "deflate": _whole(200, gzip.compress(ZEROS, 1), Content_Encoding="deflate, gzip"),
    "br": _whole(200, b"\x00" * 1000, Content_Encoding="br"),
    "zstd-error": _whole(500, zstandard.compress(ZEROS) * 16, Content_Encoding="zstd"),
    "maps": Bomb(200, {"Content-Type": KIND, **HUB}, b"\x80", 15_000_000, b"\xdd" + struct.pack(">I", 15_000_000)),
    "lists": Bomb(200, {"Content-Type": KIND, **HUB}, b"\x91", 15_000_000),
    "branches": Bomb(
        200, {"Content-Type": KIND, **HUB}, b"\xa0\xa0", 15_000_000, b"\xdf" + struct.pack(">I", 7_499_997)
    ),
    "endless": Bomb(200, {"Content-Type": KIND, **HUB}, b"\xc0", 1 << 40),
    "endless-error": Bomb(503, {"Content-Type": KIND, **HUB}, b"\xc0", 1 << 40),
    "html": Bomb(404, {"Content-Type": "text/html"}, b"<html>", 1 << 40),
    "text": _whole(403, _error("no \x1b[31m" + "x" * 50_000, hint="h" * 5000, details={"d": "y" * 5000})),
    "details": _whole(403, _error("no", details={f"name{n}": ["z" * 20] * 30 for n in range(60)})),
}


@cache
def _long_history() -> tuple[str, bytes]:
    """The head of a history that takes 480 MiB in memory, and its bundle, which takes next to nothing on the wire."""
    snapshot = snapshot_record({})
    commits: list[dict[str, Any]] = []
    for number in range(60):
        parents = [commits[-1]["commit_id"]] if commits else []
        commits.append(commit_record(snapshot["snapshot_id"], parents, f"take {number}", metadata={"x": "y" * 8 * MiB}))
    head = commits[-1]["commit_id"]
    packer = msgpack.Packer()
    parts = [packer.pack_map_header(2), packer.pack("snapshots"), packer.pack([snapshot]), packer.pack("commits")]
    parts += [packer.pack_array_header(len(commits)), *map(packer.pack, commits)]
    return head, b"".join(zstandard.compress(part) for part in parts)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sent_bytes = 0
    fetching = threading.Event()

    def do_GET(self) -> None:
        name = self.path.split("/")[1]
        if name == "healthz":
            self._send(BOMBS["zstd"])
        elif name == "trickle":
            self._trickle()
        elif name == "fetch":
            self._send(BOMBS["good"])
        elif name == "pages":
            after = "a" if "after=b" in self.path else "b"
            self._send(_whole(200, msgpack.packb({**REFS, "next": after})))
        elif name == "history":
            self._send(_whole(200, msgpack.packb({**REFS, "branch_heads": {"main": _long_history()[0]}})))
        else:
            self._send(BOMBS[name])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.fetching.clear()
        packed = {"Content-Type": "application/zstd", **HUB}
        if self.path.startswith("/history/"):
            self._send(Bomb(200, packed, b"", 0, _long_history()[1]))
        else:
            self._send(Bomb(200, packed, os.urandom(64 << 10), 1 << 40, b"\x28\xb5\x2f\xfd"))

    def _head(self, bomb: Bomb) -> None:
        self.send_response(bomb.status)
        for name, value in bomb.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(bomb.start) + bomb.size))
        self.end_headers()

    def _send(self, bomb: Bomb) -> None:
        self._head(bomb)
        cls = type(self)
        cls.sent_bytes = 0
        block = bomb.piece * max(1, (64 << 10) // max(1, len(bomb.piece)))
        with suppress(OSError):
            self.wfile.write(bomb.start)
            left = bomb.size
            while left:
                left -= self.connection.send(block[: min(len(block), left)])
                cls.sent_bytes = len(bomb.start) + bomb.size - left
                if self.command == "POST" and cls.sent_bytes > 4 * MiB:
                    self.fetching.set()
            return
        self.close_connection = True

    def _trickle(self) -> None:
        """A header that never ends, a byte at a time."""
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self.connection.settimeout(0.01)
        while True:
            with suppress(TimeoutError):
                if not self.connection.recv(1):
                    break
            try:
                self.connection.send(b"x")
            except OSError:
                break
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A hub whose every repository answers as its owner's name says."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


_MEASURED = """
import atexit, pathlib, sys
from museui.cli.main import main
path = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: path.write_text(pathlib.Path("/proc/self/status").read_text()))
main()
"""


def _run(folder: Path, *arguments: str | Path) -> tuple[int, str, int]:
    """The program's exit code, all it says, and the most memory it had, in bytes, as it sees it itself.

    What the system says of a child counts what its parent had when it was made.
    """
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    status = folder / "status"
    command = [sys.executable, "-c", _MEASURED, str(status), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, _peak_bytes(status)


@pytest.fixture(scope="module")
def usual_bytes(address: str, tmp_path_factory: pytest.TempPathFactory) -> int:
    """What a fetch takes that is refused in a few words."""
    folder = tmp_path_factory.mktemp("usual")
    made = make_repository(folder, f"{address}/text/ada/song", "song")
    return _run(folder, "fetch", made.root)[2]


@pytest.mark.parametrize(
    "name",
    ["zstd", "gzip", "deflate", "br", "zstd-error", "maps", "lists", "branches", "endless", "endless-error", "html"],
)
def test_what_would_fill_the_memory_is_refused(address: str, tmp_path: Path, usual_bytes: int, name: str) -> None:
    made = make_repository(tmp_path, f"{address}/{name}/ada/song", "song")
    code, said, peak_bytes = _run(tmp_path, "fetch", made.root)
    assert code in (1, 3) and said.startswith("error: ") and len(said) < 1000 and "Traceback" not in said
    assert peak_bytes - usual_bytes < GROWTH_BYTES
    assert _Handler.sent_bytes < 48 * MiB, "16 MiB are read, and a few lie between the two"


async def test_what_an_error_says_is_cut(address: str) -> None:
    async with HubClient(RepositoryUrl(f"{address}/text", "ada", "song"), None) as line:
        with pytest.raises(MuseError, match=r"^no  \[31mx+…$") as caught:
            await line.fetch_refs()
    error = caught.value
    assert len(error.message) <= 1001 and len(error.hint) <= 1001 and len(error.details["d"]) <= 501
    async with HubClient(RepositoryUrl(f"{address}/details", "ada", "song"), None) as line:
        with pytest.raises(MuseError) as caught:
            await line.fetch_refs()
    assert 1 < len(caught.value.details) <= 21 and len(repr(caught.value.details)) < 6000


async def test_pages_without_end_are_given_up_on(address: str) -> None:
    async with HubClient(RepositoryUrl(f"{address}/pages", "ada", "song"), None) as line:
        with pytest.raises(Integrity, match="do not end"):
            await line.fetch_refs()
        assert line.requests < 100


async def test_a_probe_reads_nothing_of_what_is_compressed(address: str) -> None:
    async with Probe() as probe:
        answer = await probe.ask(address)
    assert isinstance(answer, Unreachable) and "not a hub" in answer.message


async def test_an_answer_that_trickles_ends(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = answers.Kind(1000, answers.LONG.timeout, 0.3)
    async with HubClient(RepositoryUrl(f"{address}/trickle", "ada", "song"), None) as line:
        with pytest.raises(Unreachable, match="takes too long"):
            await line._send("GET", f"{address}/trickle", {}, None, quick)


async def test_a_bundle_that_trickles_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_STEADY_S", 0.0)

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x"

    with pytest.raises(Unreachable, match="next to nothing"):
        async for _ in client._steadily(pieces(), "hub"):
            pass


async def test_a_bundle_that_does_not_end_is_given_up_on(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository.open(make_repository(tmp_path, f"{address}/fetch/ada/song", "song").root)
    url = RepositoryUrl(f"{address}/fetch", "ada", "song")
    monkeypatch.setattr(fetching, "_MAX_WIRE_BYTES", 8 * MiB)
    async with HubClient(url, None) as line:
        with pytest.raises(TooLarge, match=r"sends more than 8\.0 MiB, the most"):
            await fetch(repository, line, "origin")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > MiB]


def test_a_history_of_large_commits_is_not_held_in_memory(address: str, tmp_path: Path, usual_bytes: int) -> None:
    head, bundle = _long_history()
    assert len(bundle) < MiB
    made = make_repository(tmp_path, f"{address}/history/ada/song", "song")
    code, said, peak_bytes = _run(tmp_path, "fetch", made.root)
    assert code == 0 and made.commit_file(head.removeprefix("sha256:")).exists(), said
    assert peak_bytes - usual_bytes < 160 * MiB


def test_a_bundle_takes_no_more_than_half_of_the_disk(address: str, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", mib=48, kind="memory")
    if disk.kind == "folder":
        pytest.skip(disk.why_not)
    try:
        made = make_repository(disk.path, f"{address}/fetch/ada/song", "song")
        code, said, _ = _run(tmp_path, "fetch", made.root)
        assert code == 3 and "half of the room" in said and str(made.muse) in said
    finally:
        disk.close()


def test_nothing_is_left_of_a_bundle_when_the_client_is_killed(address: str, tmp_path: Path) -> None:
    made = make_repository(tmp_path, f"{address}/fetch/ada/song", "song")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    _Handler.fetching.clear()
    environment = {"HOME": str(tmp_path), "TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "museui", "fetch", str(made.root)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    assert _Handler.fetching.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(temporary.iterdir()) == []
    assert not [path for path in made.root.rglob("*") if path.is_file() and path.stat().st_size > 64 << 10]


def test_the_daemon_keeps_little_of_what_a_hub_says(address: str, tmp_path: Path) -> None:
    long, maps = (make_repository(tmp_path, f"{address}/{name}/ada/song", name) for name in ("text", "maps"))
    for made in (long, maps):
        made.commit({"a": b"one"})
    with DaemonProcess() as daemon:
        status = Path(f"/proc/{daemon.pid}/status")
        before = _peak_bytes(status)
        daemon.watch(long.root, maps.root)
        queue = daemon.wait(
            lambda: (found := daemon.client.get("queue")["queue"]) and all(e["error"] for e in found) and found,
            "the hub's answers",
        )
        assert len(queue) == 2 and all(len(entry["error"]["message"]) < 1100 for entry in queue)
        assert _peak_bytes(status) - before < GROWTH_BYTES
        assert len(daemon.log) < 20_000
        daemon.stop()
        assert sum(path.stat().st_size for path in daemon.data.rglob("*") if path.is_file()) < MiB


def _peak_bytes(status: Path) -> int:
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("path", ["get", "stream"])
def test_what_listens_at_the_daemons_socket_is_not_believed(tmp_path: Path, path: str) -> None:
    where = tempfile.mktemp(prefix="md-", dir="/tmp")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(where)
        listener.listen(1)
        thread = threading.Thread(target=_answer_without_end, args=(listener,))
        thread.start()
        try:
            asked = LocalClient(where)
            with pytest.raises(Invalid, match="end"):
                asked.get("state") if path == "get" else list(asked.stream("GET", "events"))
        finally:
            thread.join()
            Path(where).unlink()


def _answer_without_end(listener: socket.socket) -> None:
    stream, _ = listener.accept()
    with stream, suppress(OSError):
        stream.recv(1 << 16)
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            stream.sendall(b" " * (1 << 20))


def test_texts_of_an_answer_are_not_endless() -> None:
    with pytest.raises(Invalid, match="push_id"):
        wire.parse(wire.PushAnswer, {"ok": True, "push_id": "x" * 9000})
    with pytest.raises(Invalid, match="branch_heads"):
        wire.parse(wire.Refs, {"repo_id": None, "branch_heads": {"x" * 9000: "a" * 64}})
