"""The push of the 0.1.x protocol: what is missing, objects ahead of it, then commits and snapshots in one request.

It ends where every push ends: the same checks, the same transaction.  Ids are answered as they were asked for, or bare.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Invalid, NotFound
from museui.core.ids import ObjectId, parse_id
from museui.core.wire import PushAnswer, PushTarget, parse_target

from ..http.access import open_repository
from ..http.messages import LONG_MESSAGE_BYTES, answer, decode_bytes, message_chunks, read_message
from ..index.branches import read_heads
from ..index.history import existing_objects
from ..push.objects.ahead import adopt_staged, receive_objects
from ..push.objects.pending import find_pending
from ..push.receive import receive_push
from ..push.sources import SpooledSource
from ..push.verify import Contents
from ..state import hub_of
from .push import push_destination, receive_body

STRATEGY = "muse-0.1"
"""What these pushes are called in the history."""


async def filter_objects(request: Request) -> Response:
    """Which of ``{object_ids}`` a push to this repository would have to bring."""
    hub = hub_of(request)
    found = caller = None
    try:
        found, caller = await open_repository(request, "read")
    except NotFound as exc:
        if not exc.details.get("auto_create"):
            raise
    message = await read_message(request, LONG_MESSAGE_BYTES)
    asked = await asyncio.to_thread(_parse_ids, message)
    known: set[ObjectId] = set()
    if found is not None:
        wanted = set(asked.values())
        async with hub.database.read() as connection:
            known = await existing_objects(connection, found.id, wanted)
            if caller is not None:
                known |= await find_pending(connection, found.id, caller.user_id, wanted - known)
    return answer(request, {"missing": [spelling for spelling, item in asked.items() if item not in known]})


async def push_objects(request: Request) -> Response:
    """Objects ahead of a push: ``{objects: [{object_id, content, path?}]}``."""
    hub = hub_of(request)
    destination = await push_destination(request)

    async def receive() -> tuple[int, int]:
        async with receive_body(request, destination, _body(request, _with_contents)) as arrived:
            return await receive_objects(hub, destination, SpooledSource(hub.store, arrived, "bundle"))

    stored, skipped = await hub.desk.finish(receive())
    return answer(request, {"stored": stored, "skipped": skipped})


async def push(request: Request) -> Response:
    """A push whose body is ``{bundle, branch, force}``; objects may have come ahead of it."""
    hub = hub_of(request)
    destination = await push_destination(request)

    async def receive() -> PushAnswer:
        async with receive_body(request, destination, _body(request, _with_bundle)) as arrived:
            source = SpooledSource(hub.store, arrived, "envelope")
            return await receive_push(hub, destination, source, choose_target, STRATEGY, adopt=adopt_staged)

    reply = await hub.desk.finish(receive())
    repository, _ = await open_repository(request, "read")
    async with hub.database.read() as connection:
        heads = await read_heads(connection, repository.id)
    message = "everything was there" if reply.previous_head == reply.head else f"{reply.branch} is at {reply.head[:12]}"
    return answer(request, {"ok": True, "message": message, "branch_heads": heads, "remote_head": reply.head})


def choose_target(contents: Contents) -> PushTarget:
    """Where the push goes: the head that the bundle names for the branch, else its one commit that is nobody's parent.

    Raises :class:`Invalid` when that is not one commit, and for a bad branch or ``force``.
    """
    branch = contents.header.get("branch")
    target = {**contents.header, "head": contents.branch_heads.get(branch) if isinstance(branch, str) else None}
    if target["head"] is None:
        parents = {parent for entry in contents.commits.values() for parent in entry.parents}
        tips = contents.commits.keys() - parents
        if len(tips) == 1:
            (target["head"],) = tips
        elif isinstance(branch, str):
            raise Invalid(
                f"the bundle does not say where branch {branch!r:.80} shall be",
                hint="Name the head in branch_heads.",
                details={"field": "branch_heads"},
            )
    return parse_target(target)


def _body(request: Request, convert: Callable[[Any], Any]) -> AsyncIterator[bytes]:
    limit = hub_of(request).settings.limits.max_bundle_bytes
    return message_chunks(request, limit, LONG_MESSAGE_BYTES, convert)


def _with_bundle(message: Any) -> Any:
    """The message of a push in JSON, with the contents of its objects as bytes."""
    if isinstance(message, dict) and "bundle" in message:
        return {**message, "bundle": _with_contents(message["bundle"])}
    return message


def _with_contents(message: Any) -> Any:
    if isinstance(message, dict) and isinstance(message.get("objects"), list):
        return {**message, "objects": [_with_content(item) for item in message["objects"]]}
    return message


def _with_content(item: Any) -> Any:
    if isinstance(item, dict) and "content" in item:
        content = decode_bytes(item["content"], f"the content of object {item.get('object_id')!r:.80}")
        return {**item, "content": content}
    return item


def _parse_ids(message: Any) -> dict[str, ObjectId]:
    """``object_ids`` as they are spelled → bare."""
    ids = message.get("object_ids") if isinstance(message, dict) else None
    if not isinstance(ids, list):
        raise Invalid("field 'object_ids' is missing or not a list", details={"field": "object_ids"})
    return {str(item): ObjectId(parse_id(item, "field 'object_ids'")) for item in ids}


_REPOSITORY = "/{owner}/{slug}"

routes: list[Route] = [
    Route(f"{_REPOSITORY}/filter-objects", filter_objects, methods=["POST"]),
    Route(f"{_REPOSITORY}/push/objects", push_objects, methods=["POST"]),
    Route(f"{_REPOSITORY}/push", push, methods=["POST"]),
]
