"""``/repos`` and ``/{owner}/{slug}``: repositories made, listed, changed and deleted, and what was pushed to one."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Row, select, tuple_
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Denied, Invalid, NotFound
from museui.core.ids import qualified
from museui.core.wire import ChangeRepository, CreateRepository, parse

from ..http.messages import answer, read_message
from ..index.schema import pushes, users
from ..people.access import readable_by
from ..people.auth import authenticate, open_repository, require_caller
from ..people.repositories import (
    change_repository,
    create_repository,
    delete_repository,
    list_repositories,
    parse_visibility,
)
from ..state import hub_of

_PAGE_MAX = 200


async def post_repos(request: Request) -> Response:
    """Make a repository for the caller."""
    hub = hub_of(request)
    caller = await require_caller(request, "write")
    message = parse(CreateRepository, await read_message(request))
    if message.owner != caller.name:
        raise Denied("a repository can be made for oneself only", details={"field": "owner"})
    if caller.repository_id is not None:
        raise Denied("the token is for one repository", hint="Use a token that is not restricted to a repository.")
    visibility = parse_visibility(message.visibility)
    async with hub.database.write() as connection:
        repository = await create_repository(
            connection,
            caller.user_id,
            message.slug,
            hub.now(),
            visibility=visibility,
            domain=message.domain,
            default_branch=message.default_branch,
        )
    return answer(request, repository.to_message(), 201)


async def get_repos(request: Request) -> Response:
    """The repositories the caller may read, by name: ``?limit=&after=owner/slug``."""
    hub = hub_of(request)
    caller = await authenticate(request)
    limit = _limit(request)
    after = None
    if text := request.query_params.get("after"):
        owner, _, slug = text.partition("/")
        after = (owner, slug)
    async with hub.database.read() as connection:
        found = await list_repositories(
            connection,
            where=readable_by(caller),
            after=after,
            limit=limit + 1,
        )
    page = found[:limit]
    more = page[-1].name if len(found) > limit else None
    return answer(request, {"repositories": [item.to_message() for item in page], "next": more})


async def patch_repo(request: Request) -> Response:
    """Change what is set for a repository."""
    repository, _ = await open_repository(request, "admin")
    message = parse(ChangeRepository, await read_message(request))
    visibility = parse_visibility(message.visibility) if message.visibility is not None else None
    async with hub_of(request).database.write() as connection:
        changed = await change_repository(
            connection, repository.id, visibility=visibility, default_branch=message.default_branch
        )
    return answer(request, changed.to_message())


async def delete_repo(request: Request) -> Response:
    """Delete a repository and everything that is only there."""
    repository, _ = await open_repository(request, "admin")
    async with hub_of(request).database.write() as connection:
        await delete_repository(connection, repository.id)
    return Response(status_code=204)


async def get_pushes(request: Request) -> Response:
    """What was pushed, newest first: ``?limit=&before=push_id``."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "read")
    limit = _limit(request)
    query = _select_pushes(repository.id).order_by(pushes.c.created_at.desc(), pushes.c.id.desc()).limit(limit + 1)
    async with hub.database.read() as connection:
        if before := request.query_params.get("before"):
            place = select(pushes.c.created_at, pushes.c.id)
            place = place.where(pushes.c.repository_id == repository.id, pushes.c.id == before)
            row = (await connection.execute(place)).one_or_none()
            if row is None:
                raise NotFound("there is no such push", details={"field": "before"})
            query = query.where(tuple_(pushes.c.created_at, pushes.c.id) < tuple_(row.created_at, row.id))
        rows = (await connection.execute(query)).all()
    page = rows[:limit]
    more = page[-1].id if len(rows) > limit else None
    return answer(request, {"pushes": [_push_message(row) for row in page], "next": more})


async def get_push(request: Request) -> Response:
    """One push: by whom, what, how long each phase took, and whether its objects have been promoted."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "read")
    async with hub.database.read() as connection:
        query = _select_pushes(repository.id).where(pushes.c.id == request.path_params["push_id"])
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("there is no such push")
    return answer(request, _push_message(row))


def _select_pushes(repository_id: int) -> Any:
    query = select(pushes, users.c.name.label("user")).join(users, users.c.id == pushes.c.user_id)
    return query.where(pushes.c.repository_id == repository_id)


def _push_message(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    reply: dict[str, Any] = orjson.loads(row.answer)
    return {
        **reply,
        "push_id": row.id,
        "user": row.user,
        "branch": row.branch,
        "head": qualified(row.head.hex()),
        "previous_head": qualified(row.previous_head.hex()) if row.previous_head else None,
        "forced": row.forced,
        "strategy": row.strategy,
        "bundle_id": qualified(row.bundle_id.hex()) if row.bundle_id else None,
        "wire_bytes": row.wire_bytes,
        "promotion": "pending" if row.bundle else "done",
        "created_at": row.created_at,
    }


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "50")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _PAGE_MAX):
        raise Invalid(f"limit is not a number from 1 to {_PAGE_MAX}: {text!r:.40}", details={"field": "limit"})
    return int(text)


routes = [
    Route("/repos", post_repos, methods=["POST"]),
    Route("/repos", get_repos, methods=["GET"]),
    Route("/{owner}/{slug}", patch_repo, methods=["PATCH"]),
    Route("/{owner}/{slug}", delete_repo, methods=["DELETE"]),
    Route("/{owner}/{slug}/pushes", get_pushes, methods=["GET"]),
    Route("/{owner}/{slug}/pushes/{push_id}", get_push, methods=["GET"]),
]
