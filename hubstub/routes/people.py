"""``/user``, ``collaborators``: who one is on this hub, and who else may do what to a repository."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.wire import Account, SetCollaborator, encode, parse

from ..http.messages import answer, read_message
from ..people.access import list_collaborators, parse_access, remove_collaborator, set_collaborator
from ..people.auth import open_repository, require_caller
from ..people.tokens import find_token
from ..state import hub_of


async def get_user(request: Request) -> Response:
    """Whose token this is, and what it is good for."""
    caller = await require_caller(request, "read")
    async with hub_of(request).database.read() as connection:
        token = await find_token(connection, caller.token_id)
    return answer(request, encode(Account(caller.name, token.scope, token.repository, token.expires_at)))


async def get_collaborators(request: Request) -> Response:
    """Everybody who was given access, by name."""
    repository, _ = await open_repository(request, "admin")
    async with hub_of(request).database.read() as connection:
        found = await list_collaborators(connection, repository)
    return answer(request, {"collaborators": [asdict(row) for row in found]})


async def put_collaborator(request: Request) -> Response:
    """Give a user access, in place of what they had."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "admin")
    access = parse_access(parse(SetCollaborator, await read_message(request)).access)
    name = request.path_params["user"]
    row = await hub.database.change(
        lambda connection: set_collaborator(connection, repository, name, access, hub.now())
    )
    return answer(request, asdict(row))


async def delete_collaborator(request: Request) -> Response:
    """Take a user's access away."""
    repository, _ = await open_repository(request, "admin")
    name = request.path_params["user"]
    await hub_of(request).database.change(lambda connection: remove_collaborator(connection, repository, name))
    return Response(status_code=204)


routes: list[Route] = [
    Route("/user", get_user, methods=["GET"]),
    Route("/{owner}/{slug}/collaborators", get_collaborators, methods=["GET"]),
    Route("/{owner}/{slug}/collaborators/{user}", put_collaborator, methods=["PUT"]),
    Route("/{owner}/{slug}/collaborators/{user}", delete_collaborator, methods=["DELETE"]),
]
