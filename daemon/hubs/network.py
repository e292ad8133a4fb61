"""Hearing from the system that the network changed: a link or an address came or went. Linux says so; others are asked.

Elsewhere nothing is heard, and a hub that is gone is probed as ever, every quarter of a minute at the rarest.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_LINK, _IPV4_ADDRESS, _IPV6_ADDRESS = 0x1, 0x10, 0x100  # RTMGRP_*, linux/rtnetlink.h
_MESSAGE_BYTES = 1 << 16


@contextmanager
def hear_network(changed: Callable[[], None]) -> Iterator[None]:
    """Call ``changed`` in the running loop whenever the network changed, for the block."""
    listener = _open_listener()
    if listener is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def drain() -> None:
        with suppress(OSError):  # nothing more, or more came than the system kept: it changed in any case
            while listener.recv(_MESSAGE_BYTES):
                pass
        changed()

    loop.add_reader(listener, drain)
    try:
        yield
    finally:
        loop.remove_reader(listener)
        listener.close()


def _open_listener() -> socket.socket | None:
    if not hasattr(socket, "AF_NETLINK"):
        return None
    try:
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        listener.setblocking(False)
        listener.bind((0, _LINK | _IPV4_ADDRESS | _IPV6_ADDRESS))
    except OSError:
        return None
    return listener
