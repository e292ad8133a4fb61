"""Whether the hub is alive, whether it can work, and which version it is. No token is needed for any of it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..capabilities import CAPABILITIES
from ..http.messages import answer
from ..index.schema import settings
from ..state import hub_of

PROTOCOL = 1


async def healthz(request: Request) -> Response:
    """The process answers."""
    return answer(request, {"ok": True})


async def readyz(request: Request) -> Response:
    """Database and object store answer. Raises :class:`~museui.core.errors.Unavailable` otherwise."""
    hub = hub_of(request)
    async with hub.database.read() as connection:
        await connection.execute(select(settings.c.name).limit(1))
    await hub.store.check()
    return answer(request, {"ok": True, "database": "ok", "store": "ok"})


async def get_version(request: Request) -> Response:
    """The version of the program and of the protocol."""
    return answer(
        request,
        {"name": "museui hub", "version": _own_version(), "protocol": PROTOCOL, "capabilities": list(CAPABILITIES)},
    )


@cache
def _own_version() -> str:
    try:
        return version("museui")
    except PackageNotFoundError:
        return "unknown"


routes = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/version", get_version, methods=["GET"]),
]
