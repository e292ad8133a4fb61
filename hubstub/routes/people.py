"""``/user``, ``collaborators``, ``protected``, ``audit``: who one is here, who else may do what to a repository, on
which of its branches, and who did.
"""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Invalid
from museui.core.wire import Account, EnrolKey, ProtectBranches, SetCollaborator, encode, parse

from ..http.access import open_repository, require_caller
from ..http.messages import answer, read_message
from ..http.paging import parse_limit
from ..people.access import list_collaborators, parse_access, remove_collaborator, set_collaborator
from ..people.audit import list_moves, of_repository
from ..people.keys import enrol_key, list_keys, parse_public_key, revoke_key
from ..people.protection import (
    Protection,
    check_pattern,
    list_protections,
    protect_branches,
    unprotect_branches,
)
from ..people.tokens import find_token
from ..push.quota_use import read_storage
from ..state import hub_of


async def get_user(request: Request) -> Response:
    """Whose token this is, and what it is good for."""
    caller = await require_caller(request, "read")
    async with hub_of(request).database.read() as connection:
        token = await find_token(connection, caller.token_id)
    return answer(request, encode(Account(caller.name, token.scope, token.repository, token.expires_at)))


async def get_storage(request: Request) -> Response:
    """What the caller's own repositories take here."""
    hub = hub_of(request)
    caller = await require_caller(request, "read")
    async with hub.database.read() as connection:
        return answer(request, encode(await read_storage(connection, hub.settings.quotas, caller)))


async def get_keys(request: Request) -> Response:
    """The caller's signing keys, oldest first."""
    caller = await require_caller(request, "read")
    async with hub_of(request).database.read() as connection:
        found = await list_keys(connection, caller.name)
    return answer(request, {"keys": [asdict(row) for row in found]})


async def post_key(request: Request) -> Response:
    """Enrol a signing key as the caller's."""
    hub = hub_of(request)
    caller = await require_caller(request, "admin", everywhere=True)
    message = parse(EnrolKey, await read_message(request))
    public_key = parse_public_key(message.public_key)
    row = await hub.database.change(
        lambda connection: enrol_key(connection, caller.user_id, public_key, message.label, hub.now())
    )
    return answer(request, asdict(row), 201)


async def delete_key(request: Request) -> Response:
    """Revoke one of the caller's signing keys."""
    hub = hub_of(request)
    caller = await require_caller(request, "admin", everywhere=True)
    key_id = request.path_params["key_id"]
    await hub.database.change(lambda connection: revoke_key(connection, caller.user_id, key_id, hub.now()))
    return Response(status_code=204)


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


async def get_protected(request: Request) -> Response:
    """Which branches are protected, and from what."""
    repository, _ = await open_repository(request, "read")
    async with hub_of(request).database.read() as connection:
        found = await list_protections(connection, repository.id)
    return answer(request, {"protected": [asdict(row) for row in found]})


async def put_protected(request: Request) -> Response:
    """Protect the branches that a pattern matches, in place of what held for it."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "admin")
    message = parse(ProtectBranches, await read_message(request))
    pattern = check_pattern(request.path_params["pattern"])
    protection = Protection(pattern, message.allows_force, message.signed_only, hub.now())
    await hub.database.change(lambda connection: protect_branches(connection, repository.id, protection))
    return answer(request, asdict(protection))


async def delete_protected(request: Request) -> Response:
    """Take a pattern away."""
    repository, _ = await open_repository(request, "admin")
    pattern = request.path_params["pattern"]
    await hub_of(request).database.change(lambda connection: unprotect_branches(connection, repository.id, pattern))
    return Response(status_code=204)


async def get_audit(request: Request) -> Response:
    """Which branch moved when, by whom, newest first: ``?limit=&before=id``."""
    repository, _ = await open_repository(request, "admin")
    limit = parse_limit(request)
    text = request.query_params.get("before", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"before is not the id of a move: {text!r:.40}", details={"field": "before"})
    async with hub_of(request).database.read() as connection:
        where = of_repository(repository.id)
        found = await list_moves(connection, where, before=int(text) if text else None, limit=limit + 1)
    page = found[:limit]
    return answer(request, {"moves": [asdict(row) for row in page], "next": page[-1].id if found[limit:] else None})


routes: list[Route] = [
    Route("/user", get_user, methods=["GET"]),
    Route("/user/storage", get_storage, methods=["GET"]),
    Route("/{owner}/{slug}/collaborators", get_collaborators, methods=["GET"]),
    Route("/{owner}/{slug}/collaborators/{user}", put_collaborator, methods=["PUT"]),
    Route("/{owner}/{slug}/collaborators/{user}", delete_collaborator, methods=["DELETE"]),
    Route("/user/keys", get_keys, methods=["GET"]),
    Route("/user/keys", post_key, methods=["POST"]),
    Route("/user/keys/{key_id}", delete_key, methods=["DELETE"]),
    Route("/{owner}/{slug}/protected", get_protected, methods=["GET"]),
    Route("/{owner}/{slug}/protected/{pattern:path}", put_protected, methods=["PUT"]),
    Route("/{owner}/{slug}/protected/{pattern:path}", delete_protected, methods=["DELETE"]),
    Route("/{owner}/{slug}/audit", get_audit, methods=["GET"]),
]
