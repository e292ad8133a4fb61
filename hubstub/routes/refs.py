"""``GET refs`` and ``POST negotiate``: what a repository has, asked before a push or a fetch; a branch is deleted."""

from __future__ import annotations

import asyncio
import hashlib

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Invalid
from museui.core.ids import PREFIX, CommitId, parse_id, qualified
from museui.core.names import check_branch
from museui.core.wire import NegotiateAnswer, NegotiateRequest, Refs, encode, parse

from ..capabilities import describe_hub
from ..http.access import open_repository
from ..http.messages import answer, read_message, wants_msgpack
from ..http.paging import parse_limit
from ..index.branches import MOST_HEADS, HeadsPage, read_heads, read_heads_page
from ..index.history import existing_commits, has_commits, is_ancestor
from ..people.access import ACCESS, Access, covers, find_access
from ..people.audit import find_removed
from ..people.tokens import Caller
from ..push.delete_branch import delete_branch
from ..push.objects.needed import find_needed
from ..state import hub_of

_MAX_REACHED = 4
"""How many commits may be looked for below another: each is a walk from one to the other."""


async def get_refs(request: Request) -> Response:
    """Return the branches, and what this hub can do and takes; as msgpack with bare ids, which 0.1.x clients need.

    With ``?limit=&after=name&branch=name`` a page of them.  Who has this very answer already (``If-None-Match``) is
    told so, without it.
    """
    hub = hub_of(request)
    repository, caller = await open_repository(request, "read")
    query = request.query_params
    async with hub.database.read() as connection:
        if "limit" in query:
            limit = parse_limit(request, MOST_HEADS)
            after, also = query.get("after", ""), query.get("branch", "")
            page = await read_heads_page(connection, repository.id, limit, after, also)
        else:
            page = HeadsPage(await read_heads(connection, repository.id), None)
        needs = await find_needed(connection, repository.id)
        access = _access_with(caller, await find_access(connection, caller, repository))
        removed = await find_removed(connection, repository) if covers(access, "write") else {}
    refs = Refs(
        repo_id=repository.public_id,
        branch_heads=page.heads,
        next=page.next,
        access=access,
        domain=repository.domain,
        default_branch=repository.default_branch,
        signing_policy=repository.signing_policy,
        needs=needs,
        removed=removed,
        **describe_hub(hub.settings),
    )
    bare_ids = wants_msgpack(request)
    response = await asyncio.to_thread(lambda: answer(request, encode(refs, bare_ids=bare_ids)))
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
    if etag in [item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def _access_with(caller: Caller | None, access: Access | None) -> Access:
    """Return the caller's access to a repository that they may read, with the token that they have."""
    scope = caller.scope if caller else "read"
    return next(item for item in reversed(ACCESS) if item == "read" or (covers(access, item) and covers(scope, item)))


async def remove_branch(request: Request) -> Response:
    """Delete a branch: ``?expected_head=`` is a lease."""
    hub = hub_of(request)
    repository, caller = await open_repository(request, "write")
    assert caller is not None, "nobody may write without a token"
    branch = check_branch(request.path_params["branch"])
    lease = request.query_params.get("expected_head")
    expected = CommitId(parse_id(lease, "field 'expected_head'")) if lease is not None else None
    head = await delete_branch(hub, repository, caller, branch, expected)
    return answer(request, {"ok": True, "branch": branch, "previous_head": qualified(head)})


async def negotiate(request: Request) -> Response:
    """Which of the client's commits this repository holds, and whether asking on would help."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "read")
    body = await read_message(request)
    message = parse(NegotiateRequest, body)
    limit = hub.settings.limits.negotiate_max_have
    if len(message.have) > limit:
        raise Invalid(f"field 'have' has {len(message.have)} ids, more than {limit}", details={"field": "have"})
    async with hub.database.read() as connection:
        known = await existing_commits(connection, repository.id, message.have)
        reached = await _find_reached(connection, repository.id, message)
        ready = bool(known) or not message.have or not await has_commits(connection, repository.id)
    reply = NegotiateAnswer(
        ack=[commit for commit in message.have if commit in known],
        common_base=max(known, key=lambda commit: (known[commit], commit), default=None),
        ready=ready,
        reached=reached,
    )
    bare_ids = wants_msgpack(request) and not any(spelling.startswith(PREFIX) for spelling in body["have"])
    return answer(request, encode(reply, bare_ids=bare_ids))


async def _find_reached(connection: AsyncConnection, repository_id: int, message: NegotiateRequest) -> list[CommitId]:
    """Those of ``have`` that the one commit of ``want`` is, or builds on; none when there is much to ask about."""
    if len(message.want) != 1 or len(message.have) > _MAX_REACHED:
        return []
    return [commit for commit in message.have if await is_ancestor(connection, repository_id, commit, message.want[0])]


routes = [
    Route("/{owner}/{slug}/refs", get_refs, methods=["GET"]),
    Route("/{owner}/{slug}/negotiate", negotiate, methods=["POST"]),
    Route("/{owner}/{slug}/branches/{branch:path}", remove_branch, methods=["DELETE"]),
]
