"""Bodies as the hub decodes them: limits on depth hold before anything recursive sees the bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgpack
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from hubstub.config import HubSettings
from hubstub.http.messages import answer, decode_bytes, read_message, wants_msgpack
from hubstub.index.database import Database
from hubstub.state import HubState
from museui.core.errors import Invalid, TooLarge

_SMALL_STACK = """
import threading
from hubstub.http.decode import decode
from museui.core.errors import Invalid

def bodies(depth):
    for end in (0, 1):
        yield False, b"[" * depth + b"]" * depth * end
        yield False, b'{"a":' * depth + b"1" + b"}" * depth * end
        yield False, b'[{"a":' * depth + b"1" + b"}]" * depth * end
        yield True, b"\\x91" * depth + b"\\xc0" * end
        yield True, b"\\x81\\xa1a" * depth + b"\\xc0" * end

def work(packed, body):
    try:
        decode(body, packed)
        print("accepted", body[:20], len(body))
    except Invalid:
        print("invalid")

threading.stack_size(256 * 1024)
for depth in (33, 1000, 100_000):
    for packed, body in bodies(depth):
        thread = threading.Thread(target=work, args=(packed, body))
        thread.start()
        thread.join()
"""


def _request(
    tmp_path: Path, body: bytes = b"", *, content_type: str = "application/json", accept: str = "", limit: int = 1 << 20
) -> Request:
    headers = [(b"content-type", content_type.encode())] if content_type else []
    if accept:
        headers.append((b"accept", accept.encode()))
    database = Database(HubSettings(tmp_path).database_url)
    app = Starlette()
    app.state.hub = HubState(HubSettings(tmp_path, message_max_bytes=limit), database, store=None)  # type: ignore[arg-type]
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)] or [b""]

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "app": app}
    return Request(scope, receive)


def test_deep_nesting_is_invalid_on_a_small_stack() -> None:
    done = subprocess.run([sys.executable, "-c", _SMALL_STACK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == [*["invalid"] * 30, ""]


@pytest.mark.parametrize("encode", [orjson.dumps, msgpack.packb])
async def test_nesting_of_32_levels_is_fine_and_33_is_not(tmp_path: Path, encode: Callable[[Any], bytes]) -> None:
    kind = "application/json" if encode is orjson.dumps else "application/x-msgpack"
    value: Any = 1
    for _ in range(32):
        value = [value]
    wide = [value[0], *([{"]": "[[["}] * 40)]
    assert await read_message(_request(tmp_path, encode(wide), content_type=kind)) == wide
    with pytest.raises(Invalid):
        await read_message(_request(tmp_path, encode([value]), content_type=kind))


def _ask(tmp_path: Path, body: bytes, content_type: str) -> Awaitable[Any]:
    return read_message(_request(tmp_path, body, content_type=content_type))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b'{"a": 1} x'),
        ("application/json", b'"' + b"\\" * 4000),
        ("application/json", b'"' + b'\\"' * 4000 + b"[" * 40),
        ("application/json", b"\xff"),
        ("application/json", b"NaN"),
        ("application/x-msgpack", b""),
        ("application/x-msgpack", b"\x82\xa1a\x01"),
        ("application/x-msgpack", b"\x81\xa1a\x01\x01"),
        ("application/x-msgpack", b"\x82\xa1a\x01\xa1a\x02"),
        ("application/x-msgpack", b"\xdf\xff\xff\xff\xff"),
        ("application/x-msgpack", b"\xc1"),
        ("application/x-msgpack", b"\xd4\x01\x01"),
        ("text/plain", b"{}"),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("multipart/form-data; boundary=x", b"--x--"),
    ],
)
async def test_rubbish_is_invalid(tmp_path: Path, content_type: str, body: bytes) -> None:
    with pytest.raises(Invalid):
        await _ask(tmp_path, body, content_type)


@pytest.mark.parametrize("content_type", ["application/x-msgpack", "application/msgpack", "application/vnd.msgpack"])
async def test_msgpack_is_read_under_each_of_its_names(tmp_path: Path, content_type: str) -> None:
    assert await _ask(tmp_path, msgpack.packb({"a": b"\x00\xff"}), content_type) == {"a": b"\x00\xff"}


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", ""])
async def test_json_is_read_with_and_without_a_content_type(tmp_path: Path, content_type: str) -> None:
    assert await _ask(tmp_path, b'{"a": "[[[["}', content_type) == {"a": "[[[["}


async def test_body_is_cut_off_at_its_limit(tmp_path: Path) -> None:
    assert await read_message(_request(tmp_path, b'"' + b"x" * 98 + b'"', limit=100)) == "x" * 98
    with pytest.raises(TooLarge):
        await read_message(_request(tmp_path, b'"' + b"x" * 99 + b'"', limit=100))


@pytest.mark.parametrize(
    ("accept", "content_type", "expected"),
    [
        ("", "", False),
        ("", "application/json", False),
        ("", "application/x-msgpack", True),
        ("*/*", "application/x-msgpack", True),
        ("*/*", "", False),
        ("application/json", "application/x-msgpack", False),
        ("application/x-msgpack", "application/json", True),
        ("text/html, application/json;q=0.9, application/x-msgpack", "", False),
        ("application/msgpack", "", True),
    ],
)
def test_answer_is_in_the_clients_language(tmp_path: Path, accept: str, content_type: str, expected: bool) -> None:
    assert wants_msgpack(_request(tmp_path, content_type=content_type, accept=accept)) is expected


def test_bytes_travel_as_base64_in_json_and_as_they_are_in_msgpack(tmp_path: Path) -> None:
    document = {"content": b"\x00\xff"}
    in_json = orjson.loads(answer(_request(tmp_path), document).body)
    assert decode_bytes(in_json["content"], "content") == b"\x00\xff"
    packed = answer(_request(tmp_path, accept="application/x-msgpack"), document).body
    assert decode_bytes(msgpack.unpackb(packed)["content"], "content") == b"\x00\xff"
    for wrong in ("not base64!", 1, None, ["AP8="]):
        with pytest.raises(Invalid):
            decode_bytes(wrong, "content")
