"""``/repos`` and ``/{owner}/{slug}``: repositories made, listed, changed and deleted, and what was pushed to one."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Denied
from museui.core.wire import ChangeRepository, CreateRepository, parse

from ..http.access import authenticate, open_repository, require_caller
from ..http.messages import answer, read_message
from ..http.paging import parse_limit
from ..people.access import readable_by
from ..people.audit import record_deletion
from ..people.repositories import (
    change_repository,
    create_repository,
    delete_repository,
    list_repositories,
    parse_signing_policy,
    parse_visibility,
)
from ..push.receipts import find_push, list_pushes
from ..state import hub_of


async def post_repos(request: Request) -> Response:
    """Make a repository for the caller."""
    hub = hub_of(request)
    caller = await require_caller(request, "write", everywhere=True)
    message = parse(CreateRepository, await read_message(request))
    if message.owner != caller.name:
        raise Denied("a repository can be made for oneself only", details={"field": "owner"})
    visibility = parse_visibility(message.visibility)
    repository = await hub.database.change(
        lambda connection: create_repository(
            connection,
            caller.user_id,
            message.slug,
            hub.now(),
            visibility=visibility,
            domain=message.domain,
            default_branch=message.default_branch,
        )
    )
    return answer(request, repository.to_message(), 201)


async def get_repos(request: Request) -> Response:
    """The repositories the caller may read, by name: ``?limit=&after=owner/slug``."""
    hub = hub_of(request)
    caller = await authenticate(request)
    limit = parse_limit(request)
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
    policy = parse_signing_policy(message.signing_policy) if message.signing_policy is not None else None
    changed = await hub_of(request).database.change(
        lambda connection: change_repository(
            connection,
            repository.id,
            visibility=visibility,
            default_branch=message.default_branch,
            signing_policy=policy,
        )
    )
    return answer(request, changed.to_message())


async def delete_repo(request: Request) -> Response:
    """Delete a repository and everything that is only there."""
    repository, caller = await open_repository(request, "admin")
    hub = hub_of(request)

    async def delete(connection: AsyncConnection) -> None:
        await record_deletion(connection, repository, caller, hub.now())
        await delete_repository(connection, repository.id)

    await hub.database.change(delete)
    return Response(status_code=204)


async def get_pushes(request: Request) -> Response:
    """What was pushed, newest first: ``?limit=&before=push_id``."""
    repository, _ = await open_repository(request, "read")
    limit = parse_limit(request)
    async with hub_of(request).database.read() as connection:
        page, more = await list_pushes(connection, repository.id, limit, request.query_params.get("before"))
    return answer(request, {"pushes": page, "next": more})


async def get_push(request: Request) -> Response:
    """One push: by whom, what, how long each phase took, and whether its objects have been promoted."""
    repository, _ = await open_repository(request, "read")
    async with hub_of(request).database.read() as connection:
        return answer(request, await find_push(connection, repository.id, request.path_params["push_id"]))


routes = [
    Route("/repos", post_repos, methods=["POST"]),
    Route("/repos", get_repos, methods=["GET"]),
    Route("/{owner}/{slug}", patch_repo, methods=["PATCH"]),
    Route("/{owner}/{slug}", delete_repo, methods=["DELETE"]),
    Route("/{owner}/{slug}/pushes", get_pushes, methods=["GET"]),
    Route("/{owner}/{slug}/pushes/{push_id}", get_push, methods=["GET"]),
]
