"""Connections to hubs that outlive a push: one that follows soon after finds them open.

Whoever pushes has connections alone, and those of a push that failed are closed: what went wrong with them is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from museui.hub.connections import IDLE_S, Connections

Key = tuple[str, str | None, int]


class ConnectionPool:
    """Those that are open and that nobody uses, each for a few seconds."""

    def __init__(self) -> None:
        self._idle: dict[Connections, tuple[Key, asyncio.TimerHandle]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self, base: str, ca: str | None) -> AsyncIterator[Connections]:
        """Connections to the hub at ``base``; ``ca``: a file of certificates to trust beside the system's."""
        key = (base, ca, _changed_ns(ca) if ca else 0)
        connections = next((idle for idle, (known, _) in self._idle.items() if known == key), None)
        if connections is None:
            connections = Connections(ca)
        else:
            self._idle.pop(connections)[1].cancel()
        try:
            yield connections
        except BaseException:
            await connections.close()
            raise
        timer = asyncio.get_running_loop().call_later(IDLE_S, self._hang_up, connections)
        self._idle[connections] = (key, timer)

    def hang_up(self) -> None:
        """Close what nobody uses: the network is another one now."""
        for connections in list(self._idle):
            self._hang_up(connections)

    async def close(self) -> None:
        """Close what nobody uses, and wait until it is."""
        self.hang_up()
        if self._closing:
            await asyncio.wait(self._closing)

    def _hang_up(self, connections: Connections) -> None:
        self._idle.pop(connections)[1].cancel()
        closing = asyncio.get_running_loop().create_task(connections.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def _changed_ns(path: str) -> int:
    """When the file was last written; another one is read anew."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
