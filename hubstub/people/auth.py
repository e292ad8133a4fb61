"""Who a request comes from, and whether they may do it to the repository it names.

What may be read by nobody but its owner looks to everybody else exactly like what does not exist:

=====================  ==================  =========  ===============  ==============
caller                 missing             private    public: read     public: write
=====================  ==================  =========  ===============  ==============
bad token              401                 401        401              401
no token, to read      404                 404        yes              –
no token, to write     401                 401        –                401
another's token        404                 404        yes              403
the owner's            404, or created     yes        yes              yes, by scope
=====================  ==================  =========  ===============  ==============
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from museui.core.errors import Denied, NotFound, Unauthorized

from ..capabilities import describe_hub
from ..state import hub_of
from .repositories import RepositoryRow, create_repository, find_repository
from .tokens import Caller, check_token

Need = Literal["read", "write"]


async def authenticate(request: Request) -> Caller | None:
    """Whose token the request carries, else who is signed in to the pages (``scope["caller"]``), else None.

    Raises :class:`Unauthorized` for a token that is malformed, unknown, expired or revoked.
    """
    async with hub_of(request).database.read() as connection:
        return await _authenticate(request, connection)


async def require_caller(request: Request, need: Need) -> Caller:
    """As :func:`authenticate`, but there must be a token, and its scope must cover ``need``."""
    caller = await authenticate(request)
    if caller is None:
        raise _token_needed()
    if need == "write" and not caller.may_write:
        raise _scope_too_small()
    return caller


async def open_repository(request: Request, need: Need, create: bool = False) -> tuple[RepositoryRow, Caller | None]:
    """The repository ``/{owner}/{slug}`` of the request's path, and who asks.

    With ``create`` it is made when it is missing, the caller is its owner with a token that may write to all of
    their repositories, and the hub is set to do so.  ``need="write"`` never returns without a caller.
    Raises :class:`NotFound`, :class:`Unauthorized` or :class:`Denied` as the table above says.
    """
    hub = hub_of(request)
    owner, slug = request.path_params["owner"], request.path_params["slug"]
    async with hub.database.read() as connection:
        caller = await _authenticate(request, connection)
        if caller is None and need == "write":
            raise _token_needed()
        repository = await find_repository(connection, owner, slug)
    if repository is None or not may_read(caller, repository):
        creatable = repository is None and hub.settings.auto_create and _would_own(caller, owner)
        if not (creatable and create and caller):
            raise repository_not_found({"auto_create": True, **describe_hub(hub.settings)} if creatable else {})
        async with hub.database.write() as connection:
            repository = await find_repository(connection, owner, slug)
            if repository is None:
                repository = await create_repository(connection, caller.user_id, slug, hub.now())
    if need == "write":
        if not owns(caller, repository):
            raise Denied(f"you may read {repository.name} but not write to it")
        if caller and not caller.may_write:
            raise _scope_too_small()
    return repository, caller


def owns(caller: Caller | None, repository: RepositoryRow) -> bool:
    """Whether the repository is the caller's, and their token is not restricted to another one."""
    return (
        caller is not None and caller.user_id == repository.owner_id and caller.repository_id in (None, repository.id)
    )


def may_read(caller: Caller | None, repository: RepositoryRow) -> bool:
    """Whether the caller may know that the repository exists, and read it."""
    return repository.visibility == "public" or owns(caller, repository)


def repository_not_found(details: dict[str, Any] | None = None) -> NotFound:
    """The one answer for a repository that does not exist and for one the caller may not read."""
    return NotFound(
        "there is no such repository",
        hint="Check its address; a private repository needs a token that may read it.",
        details=details,
    )


async def _authenticate(request: Request, connection: AsyncConnection) -> Caller | None:
    header = request.headers.get("authorization")
    if header is None:
        signed_in: Caller | None = request.scope.get("caller")
        return signed_in
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer":
        raise Unauthorized("authorization is not of the form 'Bearer <token>'")
    caller = await check_token(connection, token.strip(), hub_of(request).now())
    request.scope["caller"] = caller
    return caller


def _would_own(caller: Caller | None, owner: str) -> bool:
    return caller is not None and caller.name == owner and caller.may_write and caller.repository_id is None


def _token_needed() -> Unauthorized:
    return Unauthorized("this needs a token", hint="Put one into ~/.muse/identity.toml, or into MUSEUI_TOKEN.")


def _scope_too_small() -> Denied:
    return Denied("the token may read but not write", hint="Use a token with the scope 'write'.")
