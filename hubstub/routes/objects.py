"""Endpoints of objects: ``/o/{id}``, and presigned URLs that give one without a token."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Internal, Invalid, NotFound
from museui.core.ids import ObjectId, hash_object, parse_id

from ..fetch.lookup import Lookup
from ..fetch.objects import ObjectReader
from ..fetch.places import ObjectPlace, locate_objects
from ..http.access import authenticate, open_repository
from ..http.messages import answer, read_message
from ..http.ranges import Unsatisfiable, parse_range
from ..http.streams import stream
from ..index.history import existing_objects
from ..index.schema import collaborators, repositories, repository_objects, users
from ..people.access import readable_by
from ..people.repositories import RepositoryRow
from ..people.tokens import Caller
from ..push.objects.presign import parse_object_ids, presign_uploads
from ..state import HubState, base_url, hub_of
from .push import push_destination

_KIND = "application/octet-stream"
FOREIGN_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
"""Of answers with foreign bytes: a browser keeps them, and never runs them as something of this hub's."""
_CHECKED_BYTES = 4 << 20
"""Up to this size an object is hashed again before it is given."""


async def get_object(request: Request) -> Response:
    """The bytes of an object, for whoever can read a repository that holds it."""
    hub = hub_of(request)
    try:
        object_id = ObjectId(parse_id(request.path_params["object_id"]))
    except Invalid:
        raise _no_such_object() from None
    reader = hub.store.signer.find_reader(object_id, request.query_params, hub.now())
    caller = await authenticate(request) if reader is None else None
    async with hub.database.read() as connection:
        if reader is None:
            public = await _is_public(connection, object_id, readable_by(caller))
        else:
            await _is_public(connection, object_id, _readable_by(reader))
            public = False
        place = (await locate_objects(connection, [object_id])).get(object_id)
    if place is None:
        raise _no_such_object()
    headers = {
        "ETag": f'"{object_id}"',
        "Cache-Control": f"{'public' if public else 'private'}, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        **FOREIGN_HEADERS,
    }
    return await answer_object(request, place, headers)


async def answer_object(
    request: Request, place: ObjectPlace, headers: dict[str, str], media_type: str = _KIND
) -> Response:
    """The bytes at ``place``, or what of them the request asks for. ``headers`` has the ``ETag``."""
    if headers["ETag"] in _etags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    asked = (
        request.headers.get("range") if request.headers.get("if-range", headers["ETag"]) == headers["ETag"] else None
    )
    try:
        stretch = parse_range(asked, place.size_bytes)
    except Unsatisfiable:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{place.size_bytes}"})
    offset, size = stretch or (0, place.size_bytes)
    status = 200 if stretch is None else 206
    headers["Content-Length"] = str(size)
    if stretch is not None:
        headers["Content-Range"] = f"bytes {offset}-{offset + size - 1}/{place.size_bytes}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    hub = hub_of(request)
    if size > _CHECKED_BYTES:
        reader = ObjectReader(hub.store, Lookup(hub.database))
        return await stream(_pieces(reader, place, offset, size), media_type, status, headers)
    return Response(await read_object(hub, place, offset, size), status, headers, media_type)


async def read_object(hub: HubState, place: ObjectPlace, offset: int, size: int) -> bytes:
    """A stretch of an object, short enough to hold; the whole of it is hashed again.

    Raises :class:`Internal` when what is stored is not what its id says.
    """
    reader = ObjectReader(hub.store, Lookup(hub.database))
    content = await asyncio.to_thread(lambda: b"".join(reader.pieces(place, offset, size)))
    if len(content) != size or (size == place.size_bytes and hash_object(content) != place.id):
        raise Internal(f"the stored object {place.id} is damaged")
    return content


def _pieces(reader: ObjectReader, place: ObjectPlace, offset: int, size: int) -> Generator[bytes, None, None]:
    yield from reader.pieces(place, offset, size)


def _name_reader(repository: RepositoryRow, caller: Caller | None) -> str:
    """For whom a URL is, and out of which repository."""
    return f"{repository.public_id} {caller.name if caller else ''}"


def _readable_by(reader: str) -> ColumnElement[bool]:
    """The condition that the reader of :func:`_name_reader` may still read what the URL was made for."""
    public_id, _, name = reader.partition(" ")
    user = select(users.c.id).where(users.c.name == name, users.c.removed_at.is_(None)).scalar_subquery()
    shared = select(collaborators.c.repository_id).where(collaborators.c.user_id == user)
    theirs = or_(repositories.c.owner_id == user, repositories.c.id.in_(shared))
    return and_(repositories.c.public_id == public_id, or_(repositories.c.visibility == "public", theirs))


async def _is_public(connection: AsyncConnection, object_id: ObjectId, readable: ColumnElement[bool]) -> bool:
    """Whether a public repository holds the object. Raises :class:`NotFound` when no ``readable`` one does."""
    query = (
        select(repositories.c.visibility)
        .join(repository_objects, repository_objects.c.repository_id == repositories.c.id)
        .where(repository_objects.c.object_id == bytes.fromhex(object_id), readable)
        .order_by(repositories.c.visibility.desc())
        .limit(1)
    )
    visibility = (await connection.execute(query)).scalar_one_or_none()
    if visibility is None:
        raise _no_such_object()
    return bool(visibility == "public")


def _no_such_object() -> NotFound:
    return NotFound("there is no such object")


def _etags(header: str) -> set[str]:
    return {item.strip().removeprefix("W/") for item in header.split(",")}


async def presign_objects(request: Request) -> Response:
    """URLs that give or take single objects without a token: ``{object_ids, direction, ttl_seconds?}``."""
    hub = hub_of(request)
    missing: NotFound | None = None
    try:
        repository, caller = await open_repository(request, "read")
    except NotFound as exc:
        if not exc.details.get("auto_create"):
            raise
        missing = exc  # a push may make it, and begins here
    message = await read_message(request)
    asked = parse_object_ids(message, hub.settings.limits)
    ttl_s = _parse_ttl(message, hub.settings.upload_ttl_s)
    if message.get("direction") == "put":
        destination = await push_destination(request)
        return answer(request, await presign_uploads(hub, destination, asked, {}, base_url(request), ttl_s=ttl_s))
    if message.get("direction") != "get":
        raise Invalid("field 'direction' is neither 'get' nor 'put'", details={"field": "direction"})
    if missing is not None:
        raise missing
    async with hub.database.read() as connection:
        present = await existing_objects(connection, repository.id, asked.values())
        places = await locate_objects(connection, present)
    expires_at = int(hub.now()) + ttl_s
    reader = _name_reader(repository, caller)
    presigned: dict[str, str] = {}
    for spelling, object_id in asked.items():
        place = places.get(object_id)
        if place is not None and (place.bundle is None or hub.store.hub_serves_urls):
            presigned[spelling] = await hub.store.presign_get(object_id, expires_at, base_url(request), reader)
    inline = [spelling for spelling in asked if spelling not in presigned]
    return answer(request, {"presigned": presigned, "inline": inline, "expires_in": ttl_s})


def _parse_ttl(message: Any, default_ttl_s: int) -> int:
    """Return the life of the URLs in seconds: as long as the hub lets them live, or shorter."""
    ttl_s = message.get("ttl_seconds")
    if ttl_s is None:
        ttl_s = default_ttl_s
    if not isinstance(ttl_s, int) or isinstance(ttl_s, bool) or ttl_s < 1:
        raise Invalid("field 'ttl_seconds' is not a number of seconds", details={"field": "ttl_seconds"})
    return min(ttl_s, default_ttl_s)


routes: list[Route] = [
    Route("/o/{object_id}", get_object, methods=["GET"]),
    Route("/{owner}/{slug}/presign", presign_objects, methods=["POST"]),
]
