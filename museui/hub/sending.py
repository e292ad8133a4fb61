"""One request on its way: how far it has come, how long its answer may take, and whom it may reach."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

from museui.core.addresses import Address, address_of

_UNSENT_OPTION: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_UNSENT_BYTES = 128 << 10
"""Maximum of bytes that the system holds unsent, so that progress on a slow line is true.

Without this a system takes some megabytes at once and then, for minutes, nothing: the line seems to stand still.
What is on its way is not limited, so a fast line stays fast.
"""

Guard = Callable[[Address | None], None]
"""Hears at which address a new connection has ended up, before anything is sent there; raises when it must not."""


class Sending:
    """The progress of one request, by httpx's extension ``trace``. Enter :attr:`deadline` around the request."""

    def __init__(self, answer_s: float, guard: Guard | None = None) -> None:
        """``answer_s``: how long the answer may take, from the request's last byte to its own."""
        self.deadline = asyncio.timeout(None)
        self.sent_bytes: int | None = None
        """Bytes that were handed on of a body that is made piece by piece; ``None`` for one that goes at once."""
        self.began = False
        """Whether the body has begun to go."""
        self.ended = False
        """Whether all of it has gone."""
        self._answer_s = answer_s
        self._guard = guard

    async def trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """For the extension ``trace``."""
        if event == "connection.connect_tcp.complete":
            await self._look_at(facts["return_value"])
        elif event == "http11.send_request_body.started":
            self.began = True
            self.deadline.reschedule(None)
        elif event.startswith("http11.send_request_") and not event.endswith(".started"):
            self.ended = event == "http11.send_request_body.complete"
            self.deadline.reschedule(asyncio.get_running_loop().time() + self._answer_s)

    async def _look_at(self, stream: Any) -> None:
        try:
            if self._guard:
                self._guard(peer_of(stream))
        except BaseException:
            await stream.aclose()
            raise
        if _UNSENT_OPTION is not None:
            with suppress(OSError):
                stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, _UNSENT_OPTION, _UNSENT_BYTES)

    async def count(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Give ``pieces`` on and count what has gone."""
        self.sent_bytes = 0
        async for piece in pieces:
            yield piece
            self.sent_bytes += len(piece)


def peer_of(stream: Any) -> Address | None:
    """Return the address at the other end of httpx's ``stream``; ``None`` when there is none to be seen."""
    address = stream.get_extra_info("server_addr") if stream else None
    return address_of(address[0]) if isinstance(address, tuple) and isinstance(address[0], str) else None
