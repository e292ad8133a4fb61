"""The daemon itself: who it is, its whole state, its events, what is wrong, reload and stop."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from museui.local.messages import Version, encode
from museui.local.places import API_VERSION
from museui.local.version import program_version

from ..doctor import examine
from ..service import Service
from .fields import check_known, need
from .server import Lines, Request

_PACE_S = 0.05
"""Between two batches of events: many small changes a second stay cheap, for us and for who reads."""


async def get_version(service: Service, request: Request) -> dict[str, Any]:
    """Who answers."""
    return encode(Version(API_VERSION, program_version(), os.getpid(), service.started_at))


async def get_state(service: Service, request: Request) -> dict[str, Any]:
    """The whole state."""
    return service.board.state()


async def get_events(service: Service, request: Request) -> Lines:
    """The whole state, then what changes."""
    return _events(service)


async def _events(service: Service) -> Lines:
    reader = service.board.open_reader()
    try:
        while not reader.too_slow:
            yield await reader.next_events()
            await asyncio.sleep(_PACE_S)
    finally:
        service.board.close_reader(reader)


async def get_doctor(service: Service, request: Request) -> dict[str, Any]:
    """What is wrong, seen from here, each with what to do."""
    checks = await examine(service)
    return {"ok": all(check.ok for check in checks), "checks": [encode(check) for check in checks]}


async def post_reload(service: Service, request: Request) -> dict[str, Any]:
    """Read the configuration again."""
    await service.reload()
    return {"ok": True}


async def post_stop(service: Service, request: Request) -> dict[str, Any]:
    """End, as SIGTERM does, once this is answered."""
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    return {"ok": True, "pid": os.getpid()}


async def patch_tui(service: Service, request: Request) -> dict[str, Any]:
    """Keep what a person chose for the terminal interface: the file has one writer."""
    check_known(request.body, {"theme"})
    theme = need(request.body, "theme", str)
    await service.configure(service.config_file.set_theme, theme)
    return {"theme": theme}
