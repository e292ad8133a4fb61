"""Who a request comes from, and whether they may do it to the repository it names.

What one may not read looks exactly like what does not exist:

======================  ==================  =========  ============  =============  =================
caller                  missing             private    public: read  to write       to administer
======================  ==================  =========  ============  =============  =================
bad token               401                 401        401           401            401
no token, to read       404                 404        yes           –              –
no token, to change     401                 401        –             401            401
a stranger's token      404                 404        yes           404, or 403    404, or 403
a collaborator's        404                 yes        yes           by access      by access
the owner's             404, or created     yes        yes           yes            yes
a token restricted to   404                 404        yes           404, or 403    404, or 403
another repository
======================  ==================  =========  ============  =============  =================

"404, or 403": the former when the repository is private.  Access is read, write or admin, each with all before it;
who may read but no more gets 403.  Where it says yes or by access, the token's scope must cover it too, else 403.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from museui.core.errors import Denied, Unauthorized

from ..capabilities import describe_hub
from ..index.locks import lock_user
from ..people.access import Access, check_access, covers, find_access
from ..people.audit import was_deleted
from ..people.repositories import RepositoryRow, create_repository, find_repository, repository_not_found
from ..people.tokens import Caller, check_token
from ..state import HubState, hub_of


async def authenticate(request: Request) -> Caller | None:
    """Whose token the request carries, else who is signed in to the pages (``scope["caller"]``), else None.

    Raises :class:`Unauthorized` for a token that is malformed, unknown, expired or revoked, and
    :class:`~museui.core.errors.RateLimited`.
    """
    async with hub_of(request).database.read() as connection:
        return await _authenticate(request, connection)


async def require_caller(request: Request, need: Access, everywhere: bool = False) -> Caller:
    """As :func:`authenticate`, but there must be a token, and its scope must cover ``need``.

    ``everywhere``: and it must not be for one repository alone.  Raises :class:`Denied` otherwise.
    """
    caller = await authenticate(request)
    if caller is None:
        raise _token_needed()
    _check_scope(caller, need)
    if everywhere and caller.repository_id is not None:
        raise Denied("the token is for one repository", hint="Use a token that is not restricted to a repository.")
    return caller


def caller_of(request: Request) -> Caller:
    """Whose token the request carried, once it has been looked at. Only where there must have been one."""
    caller: Caller = request.scope["caller"]
    return caller


async def open_repository(request: Request, need: Access, create: bool = False) -> tuple[RepositoryRow, Caller | None]:
    """The repository ``/{owner}/{slug}`` of the request's path, and who asks.

    With ``create`` it is made when it is missing, the caller is its owner with a token that may write to all of
    their repositories, and the hub is set to do so.  Only ``need="read"`` may return without a caller.
    Raises :class:`NotFound`, :class:`Unauthorized` or :class:`Denied` as the table above says.
    """
    hub = hub_of(request)
    owner, slug = request.path_params["owner"], request.path_params["slug"]
    async with hub.database.read() as connection:
        caller = await _authenticate(request, connection)
        if caller is None and need != "read":
            raise _token_needed()
        repository = await find_repository(connection, owner, slug)
        access = await find_access(connection, caller, repository) if repository else None
    if repository is None or access is None:
        creatable = repository is None and hub.settings.auto_create and _would_own(caller, owner)
        if not (creatable and create and caller):
            raise repository_not_found(await _describe_missing(hub, f"{owner}/{slug}") if creatable else {})
        repository, access = await _find_or_make(hub, caller, owner, slug)
    if caller is not None and need != "read":
        check_access(repository, access, need)
        _check_scope(caller, need)
    return repository, caller


async def _describe_missing(hub: HubState, name: str) -> dict[str, Any]:
    """What the owner of a repository that is not there is told."""
    async with hub.database.read() as connection:
        deleted = await was_deleted(connection, name)
    return {"auto_create": True, "deleted": deleted, **describe_hub(hub.settings)}


async def _find_or_make(hub: HubState, caller: Caller, owner: str, slug: str) -> tuple[RepositoryRow, Access | None]:
    async def work(connection: AsyncConnection) -> tuple[RepositoryRow, Access | None]:
        await lock_user(connection, caller.user_id)
        found = await find_repository(connection, owner, slug)
        if found is None:
            found = await create_repository(connection, caller.user_id, slug, hub.now())
        return found, await find_access(connection, caller, found)

    return await hub.database.change(work)


def count_request(request: Request, what: str = "") -> Caller | None:
    """Count a request without a token against what its caller may ask for; who is signed in to the pages.

    ``what``: is counted by itself.  Raises :class:`~museui.core.errors.RateLimited`.
    """
    signed_in: Caller | None = request.scope.get("caller")
    hub_of(request).rates.take(what + (signed_in.token_id if signed_in else _address(request)))
    return signed_in


async def _authenticate(request: Request, connection: AsyncConnection) -> Caller | None:
    rates = hub_of(request).rates
    header = request.headers.get("authorization")
    if header is None:
        return count_request(request)
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer":
        raise Unauthorized("authorization is not of the form 'Bearer <token>'")
    try:
        caller = await check_token(connection, token.strip(), hub_of(request).now())
    except Unauthorized:
        rates.take(_address(request))
        raise
    rates.take(caller.token_id)
    caller = replace(caller, request_id=request.scope["request_id"])
    request.scope["caller"] = caller
    return caller


def _address(request: Request) -> str:
    return f"address {request.client.host}" if request.client else "address"


def _would_own(caller: Caller | None, owner: str) -> bool:
    return (
        caller is not None and caller.name == owner and covers(caller.scope, "write") and caller.repository_id is None
    )


def _token_needed() -> Unauthorized:
    return Unauthorized("this needs a token", hint="Sign in with 'museui login', or set MUSEUI_TOKEN.")


def _check_scope(caller: Caller, need: Access) -> None:
    if not covers(caller.scope, need):
        raise Denied(
            f"the token's scope is {caller.scope!r}, and this needs {need!r}",
            hint=f"Use a token with the scope {need!r}; where the hub runs, "
            f"'museui hub token create {caller.name} --scope {need}' makes one.",
            details={"scope": caller.scope, "needed": need},
        )
