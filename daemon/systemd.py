"""What is Linux's own: telling systemd how the daemon is, by one datagram to the socket that it names."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping

_SOCKET = "NOTIFY_SOCKET"
READY = "READY=1"
STOPPING = "STOPPING=1"
_ALIVE = "WATCHDOG=1"
logger = logging.getLogger("daemon")


def notify_systemd(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell who started us, if they asked for it. Nothing depends on it being heard."""
    address = environment.get(_SOCKET, "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stream:
            stream.setblocking(False)
            stream.sendto(state.encode(), address)
    except OSError as exc:
        logger.warning("systemd could not be told %s: %s", state.partition("\n")[0], exc.strerror or exc)


def reloading_notice() -> str:
    """What is told before the configuration is read again; :data:`READY` follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


async def send_watchdog_notices(environment: Mapping[str, str] = os.environ) -> None:
    """Tell systemd again and again that the loop goes round, if it wants to know; it ends a daemon that hangs."""
    text, meant = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(os.getpid()))
    if not text.isdecimal() or not int(text) or meant != str(os.getpid()):
        return
    while True:
        notify_systemd(_ALIVE, environment)
        await asyncio.sleep(int(text) / 2e6)
