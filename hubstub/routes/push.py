"""Endpoints of the push: presign, staged PUT, confirm, and the two ways that carry the bundle in the request itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Invalid, NotFound
from museui.core.wire import ConfirmRequest, PresignRequest, PushAnswer, PushTarget, encode, parse, parse_target

from ..http.bodies import body_chunks
from ..http.messages import answer, read_message
from ..people.auth import open_repository
from ..push.confirm import confirm_upload
from ..push.presign import check_ask, presign_upload
from ..push.receive import Destination, Opened, destination_of, receive_push
from ..push.sources import SpooledSource
from ..push.spool import Spool
from ..push.staging import take_upload
from ..state import base_url, hub_of
from ..store.files import FileStore

_TRUE, _FALSE = ("1", "true"), ("0", "false", "")


async def presign_bundle(request: Request) -> Response:
    """Where to PUT a bundle."""
    hub = hub_of(request)
    destination = await push_destination(request)
    message = await read_message(request)
    ask = parse(PresignRequest, message)
    lease = "expected_head" in message
    check_ask(ask, hub.settings.limits, hub.settings.quotas, lease, destination.repository)
    repository, caller = await destination.open()
    reply = await presign_upload(hub, repository, caller, ask, lease, base_url(request))
    return answer(request, encode(reply))


async def put_staged(request: Request) -> Response:
    """The bytes of a bundle, on a presigned URL of the embedded store."""
    hub = hub_of(request)
    if not isinstance(hub.store, FileStore):
        raise NotFound("there is nothing at this address")
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


async def push_stream(request: Request) -> Response:
    """A small push in one request: frames, the first of which says what is wanted."""
    destination = await push_destination(request)
    limit = hub_of(request).settings.limits.stream_max_bytes

    async def receive() -> PushAnswer:
        async with spool_of(request).receive(body_chunks(request, limit)) as arrived:
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
        async with spool_of(request).receive(body_chunks(request, limit)) as arrived:
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
        return Destination(None, lambda: _open_to_push(request, create=True))
    return destination_of(*opened)


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
    Route(f"{_PUSH}/stream", push_stream, methods=["POST"]),
    Route(f"{_PUSH}/unpack", push_unpack, methods=["POST"]),
]
