"""Endpoints of the push: presign, PUT, confirm, for a bundle or one object at a time; pushes in a single request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Invalid, NotFound
from museui.core.wire import ConfirmRequest, PresignRequest, PushAnswer, PushTarget, encode, parse, parse_target

from ..arrivals.spool import Spool, Spooled
from ..http.access import caller_of, open_repository
from ..http.bodies import body_chunks, declared_size
from ..http.messages import answer, message_chunks, read_message
from ..push.confirm import confirm_upload
from ..push.expired import drop_expired
from ..push.objects.confirm import confirm_objects
from ..push.objects.presign import parse_object_ids, parse_sizes, presign_uploads
from ..push.presign import check_ask, declared_bytes, presign_upload
from ..push.quota import find_room
from ..push.receive import Destination, Opened, destination_of, open_with_room, receive_push
from ..push.sources import SpooledSource
from ..state import base_url, hub_of
from ..store.files import FileStore
from ..store.keys import OBJECT_UPLOAD
from .staged_uploads import take_object, take_upload

_TRUE, _FALSE = ("1", "true"), ("0", "false", "")


async def presign_bundle(request: Request) -> Response:
    """Where to PUT a bundle."""
    hub = hub_of(request)
    destination = await push_destination(request)
    message = await read_message(request)
    ask = parse(PresignRequest, message)
    lease = "expected_head" in message
    check_ask(ask, hub.settings.limits, lease, destination.repository)
    repository, caller = await open_with_room(hub, destination, declared_bytes(ask), hub.now())
    reply = await presign_upload(hub, repository, caller, ask, lease, base_url(request))
    return answer(request, encode(reply))


async def put_staged(request: Request) -> Response:
    """The bytes of a bundle or an object, on a presigned URL of the embedded store."""
    hub = hub_of(request)
    if not isinstance(hub.store, FileStore):
        raise NotFound("there is nothing at this address")
    if request.path_params["upload_id"].startswith(OBJECT_UPLOAD):
        await take_object(request, hub.store, spool_of(request))
        return Response()
    key = await take_upload(request, hub.store, spool_of(request))
    hub.desk.begin(hub.store.flush(key))
    return Response()


async def confirm_bundle(request: Request) -> Response:
    """Verify an uploaded bundle, record it, move the branch."""
    hub = hub_of(request)
    repository, caller = await _open_to_push(request, create=False)
    message = await read_message(request)
    ask, target = parse(ConfirmRequest, message), parse_target(message)
    return _answer_push(request, await hub.desk.finish(confirm_upload(hub, repository, caller, ask, target)))


async def presign_objects(request: Request) -> Response:
    """Where to PUT single objects, and which need not be sent."""
    hub = hub_of(request)
    destination = await push_destination(request)
    message = await read_message(request)
    asked = parse_object_ids(message, hub.settings.limits)
    sizes = parse_sizes(message, hub.settings.limits)
    pinned = bool(message.get("put_headers"))
    reply = await presign_uploads(hub, destination, asked, sizes, base_url(request), put_headers=pinned)
    return answer(request, reply)


async def confirm_sent_objects(request: Request) -> Response:
    """Objects that were sent one at a time, and the records that come now, become a push."""
    hub = hub_of(request)
    destination = await push_destination(request)

    async def receive() -> PushAnswer:
        body = message_chunks(request, hub.settings.limits.max_bundle_bytes, hub.settings.limits.stream_max_bytes)
        async with receive_body(request, destination, body) as arrived:
            return await confirm_objects(hub, lambda: push_destination(request), spool_of(request), arrived)

    return _answer_push(request, await hub.desk.finish(receive()))


async def push_stream(request: Request) -> Response:
    """A small push in one request: frames, the first of which says what is wanted."""
    destination = await push_destination(request)
    limit = hub_of(request).settings.limits.stream_max_bytes

    async def receive() -> PushAnswer:
        async with receive_body(request, destination, body_chunks(request, limit)) as arrived:
            hub = hub_of(request)
            source = SpooledSource(hub.store, arrived, "stream", max_raw_bytes=limit)
            return await receive_push(
                hub, destination, source, lambda contents: parse_target(contents.header), "stream"
            )

    return _answer_push(request, await hub_of(request).desk.finish(receive()))


async def push_unpack(request: Request) -> Response:
    """The bundle as the body; what is wanted stands in the query."""
    destination = await push_destination(request)
    target = _target_of_query(request.query_params)
    limit = hub_of(request).settings.limits.max_bundle_bytes

    async def receive() -> PushAnswer:
        async with receive_body(request, destination, body_chunks(request, limit)) as arrived:
            hub = hub_of(request)
            source = SpooledSource(hub.store, arrived, "bundle")
            return await receive_push(hub, destination, source, lambda _: target, "unpack")

    return _answer_push(request, await hub_of(request).desk.finish(receive()))


async def _open_to_push(request: Request, create: bool) -> Opened:
    repository, caller = await open_repository(request, "write", create)
    assert caller is not None, "nobody may write without a token"
    return repository, caller


async def push_destination(request: Request) -> Destination:
    """The repository if it is there; if the push may make it, that waits until there is something to put into it."""
    try:
        opened = await _open_to_push(request, create=False)
    except NotFound as exc:
        if not exc.details.get("auto_create"):
            raise
        name = "{owner}/{slug}".format(**request.path_params)
        return Destination(name, caller_of(request).user_id, None, lambda: _open_to_push(request, create=True))
    return destination_of(*opened)


@asynccontextmanager
async def receive_body(
    request: Request, destination: Destination, body: AsyncIterator[bytes]
) -> AsyncIterator[Spooled]:
    """``body`` in the spool, for as long as the context lasts: no more of it than the destination has room for.

    Raises :class:`~museui.core.errors.Quota`, and as :meth:`Spool.receive` does.
    """
    hub = hub_of(request)
    quotas, place = hub.settings.quotas, destination.place
    async with hub.database.read() as connection:
        rooms = await find_room(connection, quotas, place, None)
    if rooms:
        await drop_expired(hub, place)
        async with hub.database.read() as connection:
            rooms = await find_room(connection, quotas, place, hub.now())
    with hub.desk.arrivals.hold(rooms) as arriving:
        arriving.announce(declared_size(request) or 0)
        async with spool_of(request).receive(arriving.count(body)) as arrived:
            yield arrived


def spool_of(request: Request) -> Spool:
    """Where bodies of this hub arrive."""
    return Spool(hub_of(request).settings.spool_dir)


def _answer_push(request: Request, reply: PushAnswer) -> Response:
    return answer(request, encode(reply))


def _target_of_query(query: Mapping[str, str]) -> PushTarget:
    fields: dict[str, Any] = {name: query[name] for name in ("branch", "head") if name in query}
    force = query.get("force", "").lower()
    if force not in (*_TRUE, *_FALSE):
        raise Invalid(f"field 'force' is not true or false: {force!r:.40}", details={"field": "force"})
    fields["force"] = force in _TRUE
    if "expected_head" in query:
        fields["expected_head"] = query["expected_head"] or None
    return parse_target(fields)


_PUSH = "/{owner}/{slug}/push"

routes: list[Route] = [
    Route("/staging/{upload_id}", put_staged, methods=["PUT"]),
    Route(f"{_PUSH}/bundle/presign", presign_bundle, methods=["POST"]),
    Route(f"{_PUSH}/bundle-presign", presign_bundle, methods=["POST"]),
    Route(f"{_PUSH}/bundle/confirm", confirm_bundle, methods=["POST"]),
    Route(f"{_PUSH}/unpack-bundle", confirm_bundle, methods=["POST"]),
    Route(f"{_PUSH}/presign", presign_objects, methods=["POST"]),
    Route(f"{_PUSH}/confirm", confirm_sent_objects, methods=["POST"]),
    Route(f"{_PUSH}/stream", push_stream, methods=["POST"]),
    Route(f"{_PUSH}/unpack", push_unpack, methods=["POST"]),
]
