"""Whether the hub is alive, whether it can work, and which version it is: no token is needed for that. And its figures,
which tell much of what others do, and so are for whoever runs it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Coroutine
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Denied, MuseError, NotFound, Unauthorized, Unavailable

from ..arrivals.spool import Spool
from ..capabilities import CAPABILITIES
from ..http.access import count_request
from ..http.messages import answer
from ..index.schema import settings
from ..log import logger
from ..maintenance.index_metrics import REGISTRY as INDEX_REGISTRY
from ..maintenance.index_metrics import measure_index
from ..metrics import REGISTRY
from ..state import HubState, hub_of

PROTOCOL = 1
_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Headers that say that whoever is on this machine asks for somebody else."""
_PART_S = 3.0
"""How long a part of the hub may take to answer before the hub counts as not ready."""


async def healthz(request: Request) -> Response:
    """The process answers, and says which one it is: another one after each start."""
    return answer(request, {"ok": True, "instance": hub_of(request).instance})


async def readyz(request: Request) -> Response:
    """Database and object store answer, and there is room for what arrives.

    Raises :class:`Unavailable`, which says what does not, and while it stops.
    """
    hub = hub_of(request)
    count_request(request, "readyz ")
    if hub.stopping.is_set():
        raise Unavailable("the hub is stopping")
    parts = dict(
        zip(
            ("database", "store", "spool"),
            await asyncio.gather(
                _try_part(_read_something(hub)), _try_part(hub.store.check()), _try_part(_write_something(hub))
            ),
            strict=True,
        )
    )
    if failed := [name for name, state in parts.items() if state != "ok"]:
        what = " and ".join(f"the {name} ({parts[name]})" for name in failed)
        raise Unavailable(f"not ready: {what}", details=parts)
    return answer(request, {"ok": True, **parts})


async def _read_something(hub: HubState) -> None:
    hub.database.check_file()
    async with hub.database.read() as connection:
        await connection.execute(select(settings.c.name).limit(1))


async def _write_something(hub: HubState) -> None:
    """Bodies can arrive; a database of SQLite's is on the same disk."""
    await Spool(hub.settings.spool_dir).check()


async def _try_part(work: Coroutine[Any, Any, None]) -> str:
    """``ok``, or the code of what is wrong with a part of the hub: where it lies is for the log alone."""
    try:
        async with asyncio.timeout(_PART_S):
            await work
    except TimeoutError:
        return f"no answer in {_PART_S:g} s"
    except MuseError as exc:
        logger.warning("not ready: %s", exc.message)
        return exc.code
    return "ok"


async def get_metrics(request: Request) -> Response:
    """What this process counts and what the index knows, in Prometheus' text format."""
    hub = hub_of(request)
    if not hub.settings.metrics:
        raise NotFound("there is nothing at this address")
    count_request(request, "metrics ")
    _check_may_see(request, hub.settings.metrics_token)
    await measure_index(hub.database, hub.now())
    return Response(generate_latest(REGISTRY) + generate_latest(INDEX_REGISTRY), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_may_see(request: Request, token: str | None) -> None:
    """Raise :class:`Unauthorized` without ``token``; where none is set, :class:`Denied` for who asks from elsewhere."""
    if token is not None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
            raise Unauthorized("the figures need the token of --metrics-token")
        return
    settings = hub_of(request).settings
    behind = settings.public_url or settings.trusted_proxies or any(map(request.headers.get, _OF_PROXIES))
    if behind or not (request.client and _is_loopback(request.client.host)):
        raise Denied(
            "the figures are for the machine of the hub alone",
            hint="Whoever runs the hub can give them a token: 'museui hub serve --metrics-token'.",
        )


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
    Route("/metrics", get_metrics, methods=["GET"]),
    Route("/version", get_version, methods=["GET"]),
]
