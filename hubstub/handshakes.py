"""Connections that do not get through the TLS handshake are cut off: the HTTP server itself waits for them for ever.

It tells nobody of them, so they are found among the process's own sockets: those to which not a byte was sent that
arrived.  On Linux alone, which says so of a socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from .metrics import SLOW_CLIENTS

_DESCRIPTORS = "/proc/self/fd"
_BYTES_ACKED = slice(120, 128)
"""Where ``struct tcp_info`` has ``tcpi_bytes_acked``."""


async def cut_unfinished(port: int, patience_s: float) -> None:
    """Cut off, until cancelled, whoever came to ``port`` and began no handshake that was answered for so long."""
    waiting: dict[int, float] = {}
    while sys.platform == "linux":
        await asyncio.sleep(patience_s / 2)
        with suppress(OSError):  # no descriptor is left to look with: the next time there may be one
            waiting = _cut(port, patience_s, waiting)


def _cut(port: int, patience_s: float, since: Mapping[int, float]) -> dict[int, float]:
    """Socket → reading of the monotonic clock when it was first seen unanswered; ``since``: of the last time."""
    now = time.monotonic()
    waiting: dict[int, float] = {}
    for descriptor in [int(name) for name in os.listdir(_DESCRIPTORS)]:  # noqa: PTH208 - numbers, not paths
        with suppress(OSError), _borrowed(descriptor) as connection:
            if connection.getsockname()[1] != port or not connection.getpeername() or _was_answered(connection):
                continue
            inode = os.fstat(descriptor).st_ino
            waiting[inode] = since.get(inode, now)
            if now - waiting[inode] >= patience_s:
                connection.shutdown(socket.SHUT_RDWR)
                SLOW_CLIENTS.labels("handshake").inc()
    return waiting


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """The TCP socket behind a descriptor of somebody else's. Raises :class:`OSError` when there is none."""
    connection = socket.socket(fileno=descriptor)
    try:
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            raise OSError("not of TCP")
        yield connection
    finally:
        connection.detach()


def _was_answered(connection: socket.socket) -> bool:
    if sys.platform != "linux":
        return True
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
    return int.from_bytes(information[_BYTES_ACKED], sys.byteorder) > 0 or len(information) < _BYTES_ACKED.stop
