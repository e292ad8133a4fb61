"""The branches of a repository: found, listed, and in the head of each of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from museui.core.errors import NotFound
from museui.core.ids import CommitId

from ..index.schema import branches
from ..people.repositories import RepositoryRow
from ..state import hub_of
from .site import clone_url, open_page_repository, page

_BRANCHES = 200


@dataclass(frozen=True, slots=True)
class BranchView:
    """Where a branch is; ``updated_at`` in Unix seconds."""

    name: str
    head: CommitId
    updated_at: float


async def show_branches(request: Request) -> Response:
    """Every branch, by name: ``?after=name``."""
    repository = await open_page_repository(request)
    after = request.query_params.get("after", "")
    query = _select_branches(repository.id).where(branches.c.name > after).order_by(branches.c.name)
    async with hub_of(request).database.read() as connection:
        found = _branch_views(await connection.execute(query.limit(_BRANCHES + 1)))
    shown = found[:_BRANCHES]
    more = shown[-1].name if len(found) > len(shown) else ""
    return await repository_page(request, repository, "branches.html", branches=shown, after=after, more=more)


async def repository_page(request: Request, repository: RepositoryRow, template: str, **values: Any) -> Response:
    """The page of a repository made from ``template`` and ``values``, with its head and its links."""
    async with hub_of(request).database.read() as connection:
        default = await find_default(connection, repository)
    return await page(
        request, template, repository=repository, default=default, clone_url=clone_url(request, repository), **values
    )


async def find_branch(connection: AsyncConnection, repository_id: int, name: str) -> BranchView:
    """The branch called ``name``. Raises :class:`NotFound`."""
    found = _branch_views(await connection.execute(_select_branches(repository_id).where(branches.c.name == name)))
    if not found:
        raise NotFound("there is no such branch")
    return found[0]


async def find_default(connection: AsyncConnection, repository: RepositoryRow) -> BranchView | None:
    """The default branch, else the one that moved last; None when there is none."""
    query = _select_branches(repository.id).order_by(
        (branches.c.name == repository.default_branch).desc(), branches.c.updated_at.desc(), branches.c.name
    )
    found = _branch_views(await connection.execute(query.limit(1)))
    return found[0] if found else None


async def list_branches(connection: AsyncConnection, repository: RepositoryRow, limit: int) -> list[BranchView]:
    """The branches that moved last, newest first."""
    query = _select_branches(repository.id).order_by(branches.c.updated_at.desc(), branches.c.name).limit(limit)
    return _branch_views(await connection.execute(query))


def _select_branches(repository_id: int) -> Select[*tuple[Any, ...]]:
    query = select(branches.c.name, branches.c.head, branches.c.updated_at)
    return query.where(branches.c.repository_id == repository_id)


def _branch_views(rows: Any) -> list[BranchView]:
    return [BranchView(row.name, CommitId(row.head.hex()), row.updated_at) for row in rows]
