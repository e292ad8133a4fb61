"""Messages in and out: msgpack or JSON, whichever the client speaks, under limits on size, parts and depth.

A long message arrives in a file, is decoded in a thread, and counts, until it is answered, against what all requests
together may hold (``HubState.messages``).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgpack
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from museui.core.errors import Invalid, Unavailable

from ..arrivals.spool import Spool
from ..memory import give_back_memory
from ..state import hub_of
from .bodies import body_chunks
from .decode import decode

MSGPACK = "application/x-msgpack"
JSON = "application/json"
HTML = "text/html"
LONG_MESSAGE_BYTES = 16 << 20
"""The largest list of ids, and the largest message in JSON that brings or gets contents."""
ANONYMOUS_BYTES = 2 << 20
"""The largest message of somebody without a token."""

_TOKEN_HINT = "With a token more is taken: 'museui login', or MUSEUI_TOKEN."
_HELD_BYTES = 64 << 10
"""A longer message goes to a file while it arrives."""
_TRIMMED_BYTES = 4 << 20


class _Spooled:
    """All long messages that are arriving at this process."""

    key = "messages"

    def require(self, asked_bytes: int, held_bytes: int = 0) -> None:
        if held_bytes + asked_bytes > _SPOOLED_BYTES:
            raise Unavailable("too many long messages arrive at once", hint="Try again in a moment.")


_SPOOLED_BYTES = 256 << 20
_SPOOLED = _Spooled()

_MSGPACK_TYPES = frozenset({MSGPACK, "application/msgpack", "application/vnd.msgpack"})


async def read_message(request: Request, max_bytes: int | None = None) -> Any:
    """The body decoded by its ``Content-Type`` (none: JSON).

    ``max_bytes`` defaults to the hub's limit for messages; without a token it is 2 MiB at most.  Raises
    :class:`Invalid` for what is malformed, nested deeper than 32 levels, or of another type, and as
    :func:`~hubstub.http.decode.decode` and :func:`~hubstub.http.bodies.body_chunks` do.
    """
    value, release = await _read_message(request, max_bytes)
    request.scope.setdefault("releases", []).append(release)
    return value


def release_messages(scope: Scope) -> None:
    """The messages of a request are done with: its answer is made."""
    for release in scope.pop("releases", ()):
        release()


async def _read_message(request: Request, max_bytes: int | None) -> tuple[Any, Callable[[], None]]:
    """The message, and what says that it is done with."""
    kind = _media_type(request.headers.get("content-type", ""))
    if kind not in _MSGPACK_TYPES and kind not in (JSON, ""):
        raise Invalid(f"the body is of type {kind!r:.80}", hint=f"Send {MSGPACK} or {JSON}.")
    hub = hub_of(request)
    limit = hub.settings.message_max_bytes if max_bytes is None else max_bytes
    anonymous = limit > ANONYMOUS_BYTES and request.scope.get("caller") is None
    packed = kind in _MSGPACK_TYPES
    chunks = body_chunks(request, ANONYMOUS_BYTES if anonymous else limit, _TOKEN_HINT if anonymous else "")
    held: list[bytes] = []
    held_bytes = 0
    async for chunk in chunks:
        held.append(chunk)
        held_bytes += len(chunk)
        if held_bytes > _HELD_BYTES:
            break
    else:
        return decode(b"".join(held), packed), lambda: None

    async def all_chunks() -> AsyncIterator[bytes]:
        for chunk in held:
            yield chunk
        held.clear()
        async for chunk in chunks:
            yield chunk

    with hub.desk.arrivals.hold([_SPOOLED]) as arriving:
        async with Spool(hub.settings.spool_dir).receive(arriving.count(all_chunks())) as arrived:
            release = await hub.messages.take(arrived.size_bytes)

            def decode_file() -> Any:
                try:
                    return decode(arrived.path.read_bytes(), packed)
                finally:
                    if arrived.size_bytes >= _TRIMMED_BYTES:
                        give_back_memory()

            try:
                return await asyncio.to_thread(decode_file), release
            except BaseException:
                release()
                raise


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
        message, release = await _read_message(request, max_json_bytes)
        try:
            content: bytes = await asyncio.to_thread(lambda: msgpack.packb(convert(message)))
            del message
            yield content
        finally:
            release()


def answer(request: Request, document: Any, status: int = 200) -> Response:
    """``document`` as the client wants it: by ``Accept``, else as its request was, else JSON (bytes as base64)."""
    if wants_msgpack(request):
        return Response(msgpack.packb(document), status, media_type=MSGPACK)
    return Response(orjson.dumps(document, default=_encode_bytes), status, media_type=JSON)


async def answer_records(request: Request, name: str, records: Sequence[str]) -> Response:
    """``{name: […]}`` of ``records``, each the JSON of one, as the client wants it; one is held at a time."""
    if not wants_msgpack(request):
        return answer(request, {name: [orjson.Fragment(record) for record in records]})

    def pack() -> bytes:
        packer = msgpack.Packer(autoreset=False)
        packer.pack_map_header(1)
        packer.pack(name)
        packer.pack_array_header(len(records))
        for record in records:
            packer.pack(orjson.loads(record))
        return bytes(packer.bytes())

    return Response(await asyncio.to_thread(pack), media_type=MSGPACK)


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
