"""``POST fetch``: what a client lacks, as one bundle, compressed when it can take that."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import msgpack
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import TooLarge
from museui.core.frames import compress_frames
from museui.core.wire import FetchRequest, parse

from ..fetch.bundle import gather_pieces, write_fetch
from ..fetch.lookup import Lookup
from ..fetch.plan import FetchPlan, plan_fetch
from ..http.messages import MSGPACK, answer, read_message, wants_msgpack
from ..http.streams import stream
from ..people.auth import open_repository
from ..state import HubState, hub_of

ZSTD = "application/zstd"
_LEVEL = 1
_JSON_MAX_BYTES = 16 << 20


async def fetch(request: Request) -> Response:
    """The commits reachable from ``want`` and not from ``have``, with all that the client needs to have them."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "read")
    ask = parse(FetchRequest, await read_message(request))
    async with hub.database.read() as connection:
        plan = await plan_fetch(connection, repository.id, ask.want, ask.have)
    lookup = Lookup(hub.database)
    if _wants_zstd(request):
        return await stream(_compressed(hub, plan, lookup), ZSTD)
    if wants_msgpack(request):
        return await stream(_plain(hub, plan, lookup), MSGPACK)
    return answer(request, await asyncio.to_thread(_whole, hub, plan, lookup))


def _wants_zstd(request: Request) -> bool:
    accepted = request.headers.get("accept", "").split(",")
    return any(entry.partition(";")[0].strip().lower() == ZSTD for entry in accepted)


def _compressed(hub: HubState, plan: FetchPlan, lookup: Lookup) -> Generator[bytes, None, None]:
    yield from compress_frames(write_fetch(plan, hub.store, lookup, bare_ids=False), _LEVEL, hub.desk.executor)


def _plain(hub: HubState, plan: FetchPlan, lookup: Lookup) -> Generator[bytes, None, None]:
    yield from gather_pieces(write_fetch(plan, hub.store, lookup, bare_ids=True))


def _whole(hub: HubState, plan: FetchPlan, lookup: Lookup) -> dict[str, Any]:
    """The bundle as one document, for JSON, where it cannot be streamed."""
    parts: list[bytes] = []
    size_bytes = 0
    for part in write_fetch(plan, hub.store, lookup, bare_ids=True):
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > _JSON_MAX_BYTES:
            raise TooLarge(
                f"the answer has more than {_JSON_MAX_BYTES} bytes",
                hint=f"Ask for {MSGPACK} or {ZSTD} instead of JSON.",
                details={"max_bytes": _JSON_MAX_BYTES},
            )
    document: dict[str, Any] = msgpack.unpackb(b"".join(parts))
    return document


routes: list[Route] = [Route("/{owner}/{slug}/fetch", fetch, methods=["POST"])]
