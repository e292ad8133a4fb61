"""``/`` and ``/{owner}/{slug}``: which repositories there are, and what is in one at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from ..index.recent import list_recent
from ..index.schema import branches, pushes, repositories
from ..people.access import readable_by
from ..people.repositories import list_repositories
from ..state import base_url, hub_of
from .branches import find_default, list_branches, repository_page
from .commit_view import view_commits
from .pushes import read_pushes
from .site import open_page_repository, page, see_caller

_REPOSITORIES = 50
_BRANCHES_AT_A_GLANCE = 8
_COMMITS_AT_A_GLANCE = 10
_PUSHES_AT_A_GLANCE = 3


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What the list says of a repository. ``last_push_at`` in Unix seconds, None without a push."""

    branches: int
    last_push_at: float | None
    stored_bytes: int


async def show_repositories(request: Request) -> Response:
    """The repositories one may read, by name: ``?after=owner/slug``."""
    hub = hub_of(request)
    caller = await see_caller(request)
    after = request.query_params.get("after", "")
    owner, _, slug = after.partition("/")
    async with hub.database.read() as connection:
        found = await list_repositories(
            connection,
            where=readable_by(caller),
            after=(owner, slug) if after else None,
            limit=_REPOSITORIES + 1,
        )
        shown = found[:_REPOSITORIES]
        facts = await _read_facts(connection, [item.id for item in shown])
    more = shown[-1].name if len(found) > len(shown) else ""
    return await page(
        request,
        "repositories.html",
        repositories=[(item, facts[item.id]) for item in shown],
        after=after,
        more=more,
        hub_url=base_url(request),
    )


async def _read_facts(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, RepositoryFacts]:
    counts = await _by_repository(
        connection, select(branches.c.repository_id, func.count()).group_by(branches.c.repository_id), ids
    )
    last = await _by_repository(
        connection, select(pushes.c.repository_id, func.max(pushes.c.created_at)).group_by(pushes.c.repository_id), ids
    )
    stored = await _by_repository(connection, select(repositories.c.id, repositories.c.stored_bytes), ids)
    return {item: RepositoryFacts(counts.get(item, 0), last.get(item), stored.get(item, 0)) for item in ids}


async def _by_repository(
    connection: AsyncConnection, query: Select[*tuple[Any, ...]], ids: Sequence[int]
) -> dict[int, Any]:
    """First column → second column of ``query``, for those of ``ids``."""
    column = query.selected_columns[0]
    return {row[0]: row[1] for row in await connection.execute(query.where(column.in_(ids)))}


async def show_repository(request: Request) -> Response:
    """Branches, the newest commits and pushes, and how to get them."""
    hub = hub_of(request)
    repository = await open_page_repository(request)
    async with hub.database.read() as connection:
        glance = await list_branches(connection, repository, _BRANCHES_AT_A_GLANCE + 1)
        default = await find_default(connection, repository)
        rows, more_commits = await list_recent(
            connection, repository.id, [default.head] if default else [], _COMMITS_AT_A_GLANCE
        )
        recent, more_pushes = await read_pushes(connection, repository.id, _PUSHES_AT_A_GLANCE)
    return await repository_page(
        request,
        repository,
        "repository.html",
        branches=glance[:_BRANCHES_AT_A_GLANCE],
        more_branches=len(glance) > _BRANCHES_AT_A_GLANCE,
        commits=await view_commits(hub, rows),
        more_commits=bool(more_commits),
        pushes=recent,
        more_pushes=bool(more_pushes),
    )
