"""``POST fetch``: what a client lacks, as one bundle, compressed when it can take that."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Generator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import TooLarge, Unavailable
from museui.core.frames import compress_frames
from museui.core.wire import FetchRequest, parse

from ..fetch.bundle import gather_pieces, write_fetch
from ..fetch.lookup import Lookup
from ..fetch.plan import FetchPlan, plan_fetch
from ..http.access import open_repository
from ..http.decode import decode
from ..http.messages import LONG_MESSAGE_BYTES, MSGPACK, answer, read_message, wants_msgpack
from ..http.streams import stream
from ..state import HubState, hub_of
from ..store.keys import READ_BYTES

ZSTD = "application/zstd"
_LEVEL = 1
_PLAIN_MAX_BYTES = 64 << 20
"""The published client refuses longer answers."""
_HELD_BYTES = 1 << 20


async def fetch(request: Request) -> Response:
    """The commits reachable from ``want`` and not from ``have``, with all that the client needs to have them."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "read")
    message = await read_message(request, LONG_MESSAGE_BYTES)
    ask = await asyncio.to_thread(parse, FetchRequest, message)
    async with hub.database.read() as connection:
        plan = await plan_fetch(connection, repository.id, ask.want, ask.have)
    lookup = Lookup(hub.database)
    if _wants_zstd(request):
        return await stream(_compressed(hub, plan, lookup), ZSTD)
    if wants_msgpack(request):
        return await stream(_plain(hub, plan, lookup), MSGPACK)
    release = await hub.messages.take(LONG_MESSAGE_BYTES)
    try:
        return await asyncio.to_thread(lambda: answer(request, _whole(hub, plan, lookup)))
    finally:
        release()


def _wants_zstd(request: Request) -> bool:
    accepted = request.headers.get("accept", "").split(",")
    return any(entry.partition(";")[0].strip().lower() == ZSTD for entry in accepted)


def _compressed(hub: HubState, plan: FetchPlan, lookup: Lookup) -> Generator[bytes, None, None]:
    yield from compress_frames(write_fetch(plan, hub.store, lookup, bare_ids=False), _LEVEL, hub.desk.executor)


def _plain(hub: HubState, plan: FetchPlan, lookup: Lookup) -> Generator[bytes, None, None]:
    """The bundle as it is, for 0.1.x clients. All of it is made before any is given, since it may be too long."""
    with tempfile.SpooledTemporaryFile(_HELD_BYTES, dir=str(hub.settings.spool_dir)) as file:
        try:
            for piece in gather_pieces(_bounded(hub, plan, lookup, _PLAIN_MAX_BYTES)):
                file.write(piece)
            file.seek(0)
        except OSError as exc:
            raise Unavailable(f"the hub cannot keep its answer: {exc.strerror}", hint="Try again later.") from exc
        while piece := file.read(READ_BYTES):
            yield piece


def _whole(hub: HubState, plan: FetchPlan, lookup: Lookup) -> dict[str, Any]:
    """The bundle as one document, for JSON, where it cannot be streamed."""
    document: dict[str, Any] = decode(b"".join(_bounded(hub, plan, lookup, LONG_MESSAGE_BYTES)), packed=True)
    return document


def _bounded(hub: HubState, plan: FetchPlan, lookup: Lookup, max_bytes: int) -> Iterator[bytes]:
    """The plain bundle in parts. Raises :class:`TooLarge` before more than ``max_bytes`` were given."""
    size_bytes = 0
    for part in write_fetch(plan, hub.store, lookup, bare_ids=True):
        size_bytes += len(part)
        if size_bytes > max_bytes:
            raise TooLarge(
                f"the answer has more than {max_bytes >> 20} MiB, the most that such a client takes: use museui",
                hint=f"'museui clone' and 'museui fetch' take histories of any size; other clients ask for {ZSTD}.",
                details={"max_bytes": max_bytes},
            )
        yield part


routes: list[Route] = [Route("/{owner}/{slug}/fetch", fetch, methods=["POST"])]
