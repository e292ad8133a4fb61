"""``/{owner}/{slug}/-/pushes``: what was pushed, its phases drawn against the gates."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from ..index.schema import uploads
from ..push.receipts import list_pushes
from ..state import hub_of
from .branches import repository_page
from .push_view import PushView, view_push
from .site import open_page_repository

_PUSHES = 25


async def show_pushes(request: Request) -> Response:
    """Newest first: ``?before=push_id``."""
    repository = await open_page_repository(request)
    before = request.query_params.get("before", "")
    async with hub_of(request).database.read() as connection:
        shown, more = await read_pushes(connection, repository.id, _PUSHES, before)
    return await repository_page(request, repository, "pushes.html", pushes=shown, before=before, more=more or "")


async def read_pushes(
    connection: AsyncConnection, repository_id: int, limit: int, before: str = ""
) -> tuple[list[PushView], str | None]:
    """As :func:`~hubstub.push.receipts.list_pushes`, for people."""
    messages, more = await list_pushes(connection, repository_id, limit, before)
    ids = [message["push_id"] for message in messages]
    query = select(uploads.c.push_id, func.min(uploads.c.created_at)).where(uploads.c.push_id.in_(ids))
    rows = await connection.execute(query.where(uploads.c.repository_id == repository_id).group_by(uploads.c.push_id))
    presigned: dict[str, float] = {row[0]: row[1] for row in rows}
    return [view_push(message, presigned.get(message["push_id"])) for message in messages], more
