"""Asking the daemon: HTTP with JSON over its Unix socket, one connection for each request.

Blocking, on a plain socket and h11, since a command's answer is wanted sooner than an HTTP library is imported.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import h11

from ..core.errors import Invalid, NotFound, Unreachable, Usage, error_from_code
from .peer import peer_uid
from .places import API_VERSION, check_socket_path, find_socket

START_HINT = "Start it: museui daemon start"
_CONNECT_S = 5.0
_PIECE_BYTES = 1 << 16
_MAX_ANSWER_BYTES = 64 << 20
"""Of one document: an answer, or a line of one that goes on."""


class NoDaemon(Unreachable):
    """No daemon runs for this user."""


class LocalClient:
    """The daemon of the present user, or the one at ``path``."""

    def __init__(self, path: str | None = None, timeout_s: float | None = 30.0) -> None:
        self._path = path or str(find_socket())
        self._timeout_s = timeout_s

    def get(self, path: str) -> Any:
        """The answer of ``GET /v1/<path>``. Raises what the daemon answered, and :class:`NoDaemon`."""
        return self.ask("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of ``POST /v1/<path>``. Raises what the daemon answered, and :class:`NoDaemon`."""
        return self.ask("POST", path, body or {})

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of one request. Raises what the daemon answered, and :class:`NoDaemon`."""
        with closing(self._connect(self._timeout_s)) as stream:
            pieces = self._exchange(stream, method, path, body)
            status, content = next(pieces), bytearray()
            for piece in pieces:
                assert isinstance(piece, bytes)
                content += piece
                if len(content) > _MAX_ANSWER_BYTES:
                    raise Invalid("the daemon's answer does not end")
            return _parse(content, status)

    def stream(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """The lines of an answer that goes on, each a map; ends when the daemon does. Raises like :meth:`ask`."""
        with closing(self._connect(self._timeout_s)) as stream:
            pieces = self._exchange(stream, method, path, body)
            status = next(pieces)
            stream.settimeout(None)  # the answer has begun; how long it goes on is the daemon's business
            line = bytearray()
            for piece in pieces:
                assert isinstance(piece, bytes)
                *ends, rest = piece.split(b"\n")
                for end in ends:
                    yield _parse(line + end, status)
                    line.clear()
                line += rest
                if len(line) > _MAX_ANSWER_BYTES:
                    raise Invalid("the daemon's answer has a line without an end")
            if line:
                yield _parse(line, status)

    def _connect(self, timeout_s: float | None) -> socket.socket:
        try:
            check_socket_path(self._path)
        except Usage as exc:
            raise NoDaemon(exc.message, hint=exc.hint) from exc
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.settimeout(_CONNECT_S)
            stream.connect(self._path)
            check_peer(stream)
        except OSError as exc:
            stream.close()
            raise NoDaemon("the daemon does not run", hint=START_HINT) from exc
        except BaseException:
            stream.close()
            raise
        stream.settimeout(timeout_s)
        return stream

    def _exchange(
        self, stream: socket.socket, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Iterator[int | bytes]:
        """The status, then the pieces of the body."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = [("Host", "museui"), ("Connection", "close"), ("Content-Length", str(len(content)))]
        protocol = h11.Connection(h11.CLIENT)
        target = f"/v{API_VERSION}/{path}"
        try:
            request = protocol.send(h11.Request(method=method, target=target, headers=headers)) or b""
            stream.sendall(request + (protocol.send(h11.Data(data=content)) or b""))
            protocol.send(h11.EndOfMessage())
            while True:
                event = protocol.next_event()
                if event is h11.NEED_DATA:
                    protocol.receive_data(stream.recv(_PIECE_BYTES))
                elif isinstance(event, h11.Response):
                    yield event.status_code
                elif isinstance(event, h11.Data):
                    yield bytes(event.data)
                else:
                    return
        except TimeoutError as exc:
            raise Unreachable("the daemon does not answer", hint="Look at `museui daemon logs`.") from exc
        except (OSError, h11.RemoteProtocolError) as exc:
            raise Unreachable("the daemon ended while it was asked", hint=START_HINT) from exc


def check_peer(stream: socket.socket) -> None:
    """Refuse to talk to another user's process. Raises :class:`Denied`."""
    import os

    from ..core.errors import Denied

    uid = peer_uid(stream)
    if uid not in (os.getuid(), 0):
        raise Denied(f"what listens on the daemon's socket belongs to user {uid}", hint="Remove that socket.")


def _parse(content: bytes | bytearray, status: int | bytes) -> Any:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise Invalid("the daemon's answer is not JSON") from exc
    error = document.get("error") if isinstance(document, dict) and document.get("ok") is False else None
    if status == 200:
        return document
    if not isinstance(error, dict):
        if status == 404:
            raise NotFound("the daemon that runs is of another version", hint="Start it anew: museui daemon restart")
        raise Invalid(f"the daemon answered with status {status!r} and no reason")
    hint, details = str(error.get("hint") or ""), error.get("details")
    facts = details if isinstance(details, dict) else {}
    code, message = str(error.get("code")), str(error.get("message"))
    raise error_from_code(code, message, hint, facts, int(status))
