"""The outermost layer of the hub: a request id, one log line, and an answer even when the hub itself fails.

A log line holds the path and never the query, which may carry a signature; nor any header.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from museui.core.errors import Invalid

from ..log import REQUEST_ID, log_request, logger
from ..metrics import RECEIVED_BYTES, REQUEST_SECONDS, REQUESTS, REQUESTS_RUNNING, SENT_BYTES, SLOW_CLIENTS
from ..networks import Network, believe_proxy
from .errors import answer_error
from .messages import release_messages

_DRAIN_BYTES = 32 << 20
_DRAIN_S = 2.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Edge:
    """ASGI middleware around the whole application.

    ``send_idle_s``: how long a client may leave a piece of an answer unread before the connection is cut.
    ``routes``: endpoint → the path template it is counted under.
    ``trusted``: proxies whose word about the client is taken.
    ``running``: holds the task of each request while it runs, so that a stop can end those that do not.
    """

    def __init__(
        self,
        app: ASGIApp,
        send_idle_s: float,
        running: set[asyncio.Task[Any]],
        routes: Mapping[Any, str],
        trusted: Sequence[Network] = (),
    ) -> None:
        self._app = app
        self._send_idle_s = send_idle_s
        self._running = running
        self._routes = routes
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        believe_proxy(scope, self._trusted)
        request_id = scope["request_id"] = secrets.token_hex(8)
        REQUEST_ID.set(request_id)
        REQUESTS_RUNNING.inc()
        started = time.perf_counter()
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        status = 0
        sent_bytes = 0
        body_ended = False

        async def receive_marked() -> Message:
            nonlocal body_ended
            message = await receive()
            body_ended = message["type"] != "http.request" or not message.get("more_body", False)
            RECEIVED_BYTES.inc(len(message.get("body", b"")))
            return message

        async def drain() -> None:
            """Take a little more of a body that was refused: a client that still sends would never see the answer."""
            left_bytes = _DRAIN_BYTES
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S):
                    while not body_ended and left_bytes > 0:
                        left_bytes -= len((await receive_marked()).get("body", b""))

        async def send_marked(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                if status < 400:  # the traceback of an error still has the message
                    release_messages(scope)
                if status >= 400 and not body_ended:
                    await drain()
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            else:
                sent_bytes += len(message.get("body", b""))
            try:
                async with asyncio.timeout(self._send_idle_s):
                    await send(message)
            except TimeoutError as exc:
                SLOW_CLIENTS.labels("answer").inc()
                raise ClientDisconnect from exc

        try:
            await self._app(scope, receive_marked, send_marked)
        except ClientDisconnect:
            if status:
                raise
            await answer_error(Request(scope), Invalid("the body ended too early"))(scope, receive, send_marked)
        except Exception as exc:
            if status:
                logger.error("request %s failed while its answer went out", request_id, exc_info=exc)
                raise
            await answer_error(Request(scope), exc)(scope, receive, send_marked)
        finally:
            if task is not None:
                self._running.discard(task)
            release_messages(scope)
            self._count(scope, status, time.perf_counter() - started, sent_bytes)

    def _count(self, scope: Scope, status: int, seconds: float, sent_bytes: int) -> None:
        route = self._routes.get(scope.get("endpoint"), "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        REQUESTS_RUNNING.dec()
        REQUESTS.labels(route, method, str(status)).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        SENT_BYTES.inc(sent_bytes)
        log_request(scope, status, seconds, sent_bytes)
