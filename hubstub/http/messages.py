"""Messages in and out: msgpack or JSON, whichever the client speaks, under limits on size and depth.

Nesting is measured before a decoder that recurses sees it: the JSON decoder would exhaust a small stack.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgpack
import orjson
from starlette.requests import Request
from starlette.responses import Response

from museui.core.errors import Invalid
from museui.core.unpack import StreamUnpacker

from ..state import hub_of
from .bodies import body_chunks, read_body

MSGPACK = "application/x-msgpack"
JSON = "application/json"
HTML = "text/html"
MAX_DEPTH = 32
LONG_MESSAGE_BYTES = 16 << 20
"""The largest list of ids, and the largest message in JSON that brings or gets contents."""

_MSGPACK_TYPES = frozenset({MSGPACK, "application/msgpack", "application/vnd.msgpack"})
_JSON_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


async def read_message(request: Request, max_bytes: int | None = None) -> Any:
    """The body decoded by its ``Content-Type`` (none: JSON).

    ``max_bytes`` defaults to the hub's limit for messages.  Raises :class:`Invalid` for what is malformed, nested
    deeper than 32 levels, or of another type, and as :func:`~hubstub.http.bodies.body_chunks` does.
    """
    kind = _media_type(request.headers.get("content-type", ""))
    if kind not in _MSGPACK_TYPES and kind not in (JSON, ""):
        raise Invalid(f"the body is of type {kind!r:.80}", hint=f"Send {MSGPACK} or {JSON}.")
    limit = hub_of(request).settings.message_max_bytes if max_bytes is None else max_bytes
    body = await read_body(request, limit)
    value = _parse_msgpack(body) if kind in _MSGPACK_TYPES else _parse_json(body)
    _check_depth(value)
    return value


async def message_chunks(
    request: Request, max_bytes: int, max_json_bytes: int, convert: Callable[[Any], Any] = lambda message: message
) -> AsyncIterator[bytes]:
    """A body too long to hold, as the msgpack it is, compressed or not; JSON, which is held, becomes msgpack here.

    ``convert`` makes of the JSON what the msgpack would be.  Raises as :func:`read_message` does.
    """
    if sends_msgpack(request):
        async for chunk in body_chunks(request, max_bytes):
            yield chunk
    else:
        yield msgpack.packb(convert(await read_message(request, max_json_bytes)))


def answer(request: Request, document: Any, status: int = 200) -> Response:
    """``document`` as the client wants it: by ``Accept``, else as its request was, else JSON (bytes as base64)."""
    if wants_msgpack(request):
        return Response(msgpack.packb(document), status, media_type=MSGPACK)
    return Response(orjson.dumps(document, default=_encode_bytes), status, media_type=JSON)


def wants_msgpack(request: Request) -> bool:
    """Whether the answer to ``request`` is msgpack."""
    for entry in request.headers.get("accept", "").split(","):
        kind = _media_type(entry)
        if kind in _MSGPACK_TYPES:
            return True
        if kind == JSON:
            return False
    return sends_msgpack(request)


def sends_msgpack(request: Request) -> bool:
    """Whether the body of ``request`` is msgpack."""
    return _media_type(request.headers.get("content-type", "")) in _MSGPACK_TYPES


def wants_html(request: Request) -> bool:
    """Whether it is a browser that asks: HTML is named before anything else the hub speaks."""
    for entry in request.headers.get("accept", "").split(","):
        kind = _media_type(entry)
        if kind == HTML:
            return True
        if kind == JSON or kind in _MSGPACK_TYPES:
            return False
    return False


def decode_bytes(value: object, what: str) -> bytes:
    """Bytes out of a message: as msgpack has them, or base64 text. Raises :class:`Invalid` naming ``what``."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise Invalid(f"{what} is not base64") from exc
    raise Invalid(f"{what} is neither bytes nor base64 text")


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _encode_bytes(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _parse_msgpack(body: bytes) -> Any:
    source = StreamUnpacker([body], max(len(body), 1))
    try:
        value = source.value()
        source.finish()
    except Invalid as exc:
        raise Invalid(exc.message.replace("the bundle", "the body"), details=exc.details) from exc
    return value


def _parse_json(body: bytes) -> Any:
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        brackets = _JSON_STRING.sub(b"", body).translate(None, _NOT_BRACKETS)
        for _ in range(MAX_DEPTH):
            brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if brackets:
            raise Invalid(f"the body is not JSON, or nested deeper than {MAX_DEPTH} levels")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Invalid(f"the body is not JSON: {exc}"[:200]) from exc


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return
        level = below
    if any(isinstance(item, (dict, list)) for item in level):
        raise Invalid(f"the body is nested deeper than {MAX_DEPTH} levels")
