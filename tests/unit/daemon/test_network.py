"""Changes of the network are heard."""

from __future__ import annotations

import asyncio
import socket

import pytest

from daemon.hubs import network
from daemon.hubs.network import hear_network


async def test_any_message_is_a_change_and_nothing_is_heard_after_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    monkeypatch.setattr(network, "_open_listener", lambda: ours)
    heard = asyncio.Event()
    with theirs:
        with hear_network(heard.set):
            theirs.send(b"x")
            theirs.send(b"y")
            async with asyncio.timeout(30):
                await heard.wait()
        assert ours.fileno() == -1


async def test_the_system_can_be_listened_to_or_not_and_neither_fails() -> None:
    with hear_network(lambda: None):
        await asyncio.sleep(0)
