"""A small HTTP server on a Unix socket: one request on each connection, from this user's processes alone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
import orjson

from museui.core.errors import Busy, Denied, Invalid, MuseError, TooLarge, Usage
from museui.local.peer import peer_uid
from museui.local.places import check_socket_path
from museui.repo.files import disk_error

from ..supervision import name_error

_LOOK_S = 2.0
_REQUEST_S = 10.0
_DRAIN_S = 20.0
"""A reader that takes nothing for this long is cut off."""
_MAX_BODY_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
logger = logging.getLogger("daemon.api")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. ``parts`` are the path's, without the version."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


Lines = AsyncIterator[list[Any]]
"""An answer that goes on: each list is written at once, a line for each of its items."""
Handler = Callable[[Request], Awaitable[dict[str, Any] | Lines]]


async def listen(path: Path, handler: Handler) -> asyncio.Server:
    """Serve on the socket ``path``, which takes the place of one that nobody listens on any more.

    Raises :class:`Usage` for a path that cannot be a socket's, :class:`Busy` when somebody listens there.
    """
    connections = _Connections(handler)
    return await asyncio.start_unix_server(connections.serve, sock=await asyncio.to_thread(_bind, path))


async def stay_reachable(server: asyncio.Server, path: Path, handler: Handler) -> None:
    """Listen anew whenever the socket is gone, until cancelled: its folder is emptied when a user logs out."""
    told = False
    try:
        while True:
            await asyncio.sleep(_LOOK_S)
            if _is_there(path):
                continue
            server.close()
            try:
                server = await listen(path, handler)
            except Exception as exc:
                error = name_error(exc, "listening anew", logger)
                if not told:
                    logger.warning("the daemon cannot be asked anything: %s", error.message)
                told = True
            else:
                logger.warning("%s was gone: listening there anew", path)
                told = False
    finally:
        server.close()


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _bind(path: Path) -> socket.socket:
    check_socket_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.parent.stat().st_uid != os.getuid():
            raise Denied(f"{path.parent} belongs to somebody else", hint="Set XDG_RUNTIME_DIR to a folder of yours.")
        path.parent.chmod(0o700)
    except OSError as exc:
        raise disk_error(exc, f"the daemon cannot have its socket in {path.parent}") from exc
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists():
            _remove_stale(path)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
    except OSError as exc:
        listener.close()
        raise Usage(f"cannot listen on {path}: {exc.strerror or exc}") from exc
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise Busy(f"another daemon listens on {path}", hint="`museui daemon stop` ends it.")


class _Connections:
    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        try:
            uid = peer_uid(writer.get_extra_info("socket"))
            if uid not in (os.getuid(), 0):
                logger.warning("user %d was turned away", uid)
                return
            await self._exchange(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()
        except Exception as exc:
            name_error(exc, "a connection", logger)
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = h11.Connection(h11.SERVER)
        try:
            try:
                async with asyncio.timeout(_REQUEST_S):
                    request = await _read_request(protocol, reader)
                answer = await _unless_gone(self._handler(request), reader)
            except h11.RemoteProtocolError as exc:
                raise Invalid(f"that is not HTTP: {exc}") from exc
        except MuseError as exc:
            await _write_document(protocol, writer, exc.http_status or 400, {"ok": False, "error": exc.to_json()})
        except (ConnectionError, TimeoutError):
            raise
        except Exception as exc:
            error = name_error(exc, "a request", logger)
            await _write_document(protocol, writer, error.http_status or 500, {"ok": False, "error": error.to_json()})
        else:
            if isinstance(answer, dict):
                await _write_document(protocol, writer, 200, answer)
            else:
                await _unless_gone(_write_lines(protocol, writer, answer), reader)


async def _read_request(protocol: h11.Connection, reader: asyncio.StreamReader) -> Request:
    """Raises :class:`Invalid`, :class:`TooLarge`, :class:`h11.RemoteProtocolError`, :class:`ConnectionError`."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(_PIECE_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_BODY_BYTES:
                raise TooLarge(f"the request has more than {_MAX_BODY_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            break
        else:
            raise ConnectionError("the connection was closed")
    assert head
    url = urlsplit(head.target.decode("ascii", "replace"))
    try:
        document = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as exc:
        raise Invalid("the request's body is not JSON") from exc
    if not isinstance(document, dict):
        raise Invalid("the request's body is not a JSON object")
    return Request(head.method.decode(), unquote(url.path), dict(parse_qsl(url.query)), document)


async def _unless_gone(work: Any, reader: asyncio.StreamReader) -> Any:
    """What ``work`` comes to; ended when the other side goes away. Raises :class:`ConnectionError` then."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ConnectionResetError("the other side went away")
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.wait({working, gone})


async def _write_document(
    protocol: h11.Connection, writer: asyncio.StreamWriter, status: int, document: dict[str, Any]
) -> None:
    body = _encode(document)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
    if protocol.our_state is not h11.SEND_RESPONSE and protocol.our_state is not h11.IDLE:
        raise ConnectionResetError("there is nobody to answer")
    writer.write(protocol.send(h11.Response(status_code=status, headers=headers)) or b"")
    writer.write(protocol.send(h11.Data(data=body)) or b"")
    writer.write(protocol.send(h11.EndOfMessage()) or b"")
    async with asyncio.timeout(_DRAIN_S):
        await writer.drain()


async def _write_lines(protocol: h11.Connection, writer: asyncio.StreamWriter, lines: Lines) -> None:
    headers = [("Content-Type", "application/x-ndjson"), ("Connection", "close")]
    writer.write(protocol.send(h11.Response(status_code=200, headers=headers)) or b"")
    async for batch in lines:
        body = b"".join(map(_encode, batch))
        writer.write(protocol.send(h11.Data(data=body)) or b"")
        async with asyncio.timeout(_DRAIN_S):
            await writer.drain()
    writer.write(protocol.send(h11.EndOfMessage()) or b"")
    async with asyncio.timeout(_DRAIN_S):
        await writer.drain()


def _encode(document: Any) -> bytes:
    """A line of JSON. What no JSON can say (the name of a file that is not UTF-8) is said with question marks."""
    try:
        return orjson.dumps(document) + b"\n"
    except TypeError:
        return json.dumps(document, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
