"""Request bodies as they arrive: counted, timed, and cut off when they are too long or too slow.

The clock runs only while the hub waits for the client, so a slow disk is never blamed on the sender.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from museui.core.errors import Invalid, TooLarge, Unavailable

from ..metrics import SLOW_CLIENTS
from ..state import hub_of


async def body_chunks(request: Request, max_bytes: int, hint: str = "") -> AsyncIterator[bytes]:
    """The body in the pieces it arrives in, none empty.

    ``hint``: what to do about a body that is too large.

    Raises :class:`TooLarge` before more than ``max_bytes`` were taken, :class:`Unavailable` when it stands still or
    falls under the minimum rate, :class:`ClientDisconnect` when the client goes before its end.
    """
    declared = declared_size(request)
    if declared is not None and declared > max_bytes:
        raise _too_large(max_bytes, hint)
    settings = hub_of(request).settings
    clock = asyncio.get_running_loop().time
    received = 0
    waited_s = 0.0
    more = True
    while more:
        budget_s = settings.body_grace_s + received / settings.body_min_rate_bytes_s - waited_s
        started = clock()
        try:
            async with asyncio.timeout(max(0.0, min(settings.body_idle_s, budget_s))):
                message = await request.receive()
        except TimeoutError as exc:
            SLOW_CLIENTS.labels("body").inc()
            raise Unavailable(
                "the body came too slowly",
                hint=f"At least {settings.body_min_rate_bytes_s} bytes a second are needed.",
                details={"received_bytes": received, "rule": "body_rate"},
            ) from exc
        waited_s += clock() - started
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        if chunk:
            received += len(chunk)
            if received > max_bytes:
                raise _too_large(max_bytes, hint)
            yield chunk


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises as :func:`body_chunks` does."""
    return b"".join([chunk async for chunk in body_chunks(request, max_bytes)])


def declared_size(request: Request) -> int | None:
    """``Content-Length``, None without one. Raises :class:`Invalid` when it is no number."""
    value = request.headers.get("content-length")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise Invalid("Content-Length is not a number")
    return int(value)


def _too_large(max_bytes: int, hint: str) -> TooLarge:
    return TooLarge(f"the body is larger than {max_bytes} bytes", hint=hint, details={"max_bytes": max_bytes})
