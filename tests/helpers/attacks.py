"""What an attacker sends: pushes through every way in, compressed streams made by hand, requests byte by byte."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.helpers.hub import HubProcess
from tests.helpers.push_client import WAIT_S, PushClient, error_code
from tests.helpers.records import History, commit_record, digest, make_history, pack, snapshot_record

WAYS = ("bundle", "unpack", "stream", "objects")
STATUS = {
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "non_fast_forward": 409,
    "stale_lease": 409,
    "upload_expired": 410,
    "too_large": 413,
    "integrity": 422,
    "bad_signature": 422,
    "invalid": 422,
}
BASE = make_history({"song.txt": b"la", "takes/one.bin": bytes(range(256))}, {"song.txt": b"la la"})
"""What is on ``main`` of the attacked repository."""
BLOCK_BYTES = 128 << 10
MAGIC = b"\x28\xb5\x2f\xfd"


@contextmanager
def attacked_hub(*options: str, made: HubProcess | None = None) -> Iterator[HubProcess]:
    """A hub whose ``ada/song`` has :data:`BASE`; at the end it must not have failed by itself, ever."""
    with made or HubProcess(*options) as hub:
        with PushClient(hub) as client:
            status, answer = client.push(BASE)
            assert status == 200, answer
            client.wait_promoted()
        yield hub
        for process in hub.processes:
            assert process.running
            assert "method=POST" in process.log, "nothing came here"
            assert "Traceback" not in process.log and not _failures(process.log), process.log


def _failures(log: str) -> list[str]:
    """Return the lines of answers 5xx, but for what the hub refuses on purpose: the same bytes many times at once."""
    refused = set(re.findall(r"these bytes are arriving already request_id=(\w+)", log))
    lines = [line for line in log.splitlines() if " status=5" in line]
    return [line for line in lines if line.rpartition("request_id=")[2].split()[0] not in refused]


_ONE_FILE: Mapping[str, bytes] = MappingProxyType({"attack": b"attack"})


def next_history(
    base: History = BASE,
    message: str = "an attack",
    files: Mapping[str, bytes] = _ONE_FILE,
) -> History:
    """Return a history of one commit on top of ``base`` with the tree ``files``."""
    tree = snapshot_record(dict(files))
    commit = commit_record(tree["snapshot_id"], [base.head], message)
    return History([commit], [tree], {digest(content): content for content in files.values()})


def stream_body(bundle: Mapping[str, Any], **header: Any) -> bytes:
    """The frames of ``push/stream`` for a bundle given as its map."""
    frames: list[Any] = [["H", header]]
    frames += [["S", record] for record in bundle.get("snapshots", [])]
    frames += [["O", [item["object_id"], item["content"]]] for item in bundle.get("objects", [])]
    frames += [["C", record] for record in bundle.get("commits", [])]
    return b"".join(map(pack, [*frames, ["E", {}]]))


def send(
    client: PushClient, way: str, bundle: Mapping[str, Any] | bytes, head: str, branch: str = "attack", **target: Any
) -> tuple[int, Any]:
    """Push ``bundle``, its map or (but for ``stream`` and ``objects``) its bytes; ``target``: force, expected_head."""
    if way == "objects":
        assert isinstance(bundle, Mapping)
        contents = {item["object_id"]: item["content"] for item in bundle.get("objects", [])}
        sent = client.put_objects(contents)
        records = {name: bundle[name] for name in ("commits", "snapshots") if name in bundle}
        confirm = {**records, "object_ids": list(contents), "branch": branch, "head": head, **target}
        return client.post("push/confirm", confirm) if sent[0] == 200 else sent
    if way == "stream":
        assert isinstance(bundle, Mapping)
        return client.post_bytes("push/stream", stream_body(bundle, branch=branch, head=head, **target))
    wire = bundle if isinstance(bundle, bytes) else pack(bundle)
    if way == "unpack":
        query = {"branch": branch, "head": head, **{name: value or "" for name, value in target.items()}}
        return client.post_bytes(f"push/unpack?{urlencode(query)}", wire)
    upload = client.upload(wire)
    return client.confirm(wire, head, branch, upload_id=upload["upload_id"], **target)


def check_refused(answer: tuple[int, Any], *codes: str) -> dict[str, Any]:
    """The error of an answer, which must be one of ``codes``."""
    status, document = answer
    assert status in STATUS.values(), (status, document)
    code = error_code(document)
    assert code in codes and status == STATUS[code], document
    assert document["detail"] == document["error"]["message"] != ""
    error: dict[str, Any] = document["error"]
    return error


def bare_answer(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer that can be told apart: everything but the request's own id and the time of day."""
    headers = {name: value for name, value in response.headers.items() if name not in ("x-request-id", "date")}
    return response.status_code, response.content, headers


def make_frame(blocks: list[tuple[int, bytes]], declared_bytes: int | None = None, window_log: int = 17) -> bytes:
    """A zstd frame (RFC 8878) of blocks made by hand: (1, one byte) 128 KiB of that byte, (0, bytes) the bytes."""
    descriptor = 0 if declared_bytes is None else 0xC0
    header = MAGIC + bytes([descriptor, (window_log - 10) << 3])
    if declared_bytes is not None:
        header += struct.pack("<Q", declared_bytes)
    parts = [header]
    for number, (kind, content) in enumerate(blocks, 1):
        size = BLOCK_BYTES if kind == 1 else len(content)
        parts += [(size << 3 | kind << 1 | (number == len(blocks))).to_bytes(3, "little"), content]
    return b"".join(parts)


def bomb_frame(raw_bytes: int, declare: bool = False, byte: bytes = b"\0", window_log: int = 17) -> bytes:
    """``raw_bytes`` (whole blocks) of one byte in a frame 32,768 times smaller."""
    blocks = [(1, byte)] * (raw_bytes // BLOCK_BYTES)
    return make_frame(blocks, raw_bytes if declare else None, window_log)


@contextmanager
def bounded_memory(hub: HubProcess, growth_bytes: int) -> Iterator[None]:
    """Fail when the hub's process holds more than ``growth_bytes`` more than before, be it for a moment."""
    process = Path(f"/proc/{hub.pid}")
    (process / "clear_refs").write_text("5")  # the peak becomes what is held now
    before = _peak_memory_bytes(process)
    yield
    grown = _peak_memory_bytes(process) - before
    assert grown <= growth_bytes, f"{grown >> 20} MiB more"


def _peak_memory_bytes(process: Path) -> int:
    (line,) = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) << 10


def raw_exchange(hub: HubProcess, data: bytes, *, shut: bool = False) -> bytes:
    """All that comes back on a new connection when ``data`` is sent; ``shut``: and then nothing more, ever."""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=WAIT_S) as connection:
        received = b""
        try:
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            pass
        return received


def raw_head(method: str, target: str, *lines: str, token: str | None = None) -> bytes:
    """The head of a request, exactly as told; the connection ends with its answer."""
    head = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines]
    if token is not None:
        head.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*head, "", ""]).encode()
