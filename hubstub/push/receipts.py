"""What was pushed to a repository, as the table ``pushes`` remembers it: in pages, newest first, or the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import NotFound
from museui.core.ids import qualified
from museui.core.wire import PushAnswer, PushTarget, parse

from ..index.schema import pushes, users


async def list_pushes(
    connection: AsyncConnection, repository_id: int, limit: int, before: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """At most ``limit`` pushes behind the push ``before``, as the API shows them; then the next page's ``before``.

    Raises :class:`NotFound` when ``before`` is no push to this repository.
    """
    query = _select(repository_id).order_by(pushes.c.created_at.desc(), pushes.c.id.desc()).limit(limit + 1)
    if before:
        place = select(pushes.c.created_at, pushes.c.id)
        place = place.where(pushes.c.repository_id == repository_id, pushes.c.id == before)
        row = (await connection.execute(place)).one_or_none()
        if row is None:
            raise NotFound("there is no such push", details={"field": "before"})
        query = query.where(tuple_(pushes.c.created_at, pushes.c.id) < tuple_(row.created_at, row.id))
    rows = (await connection.execute(query)).all()
    more = rows[limit - 1].id if len(rows) > limit else None
    return [_message(row) for row in rows[:limit]], more


async def find_push(connection: AsyncConnection, repository_id: int, push_id: str) -> dict[str, Any]:
    """One push as the API shows it. Raises :class:`NotFound`."""
    row = (await connection.execute(_select(repository_id).where(pushes.c.id == push_id))).one_or_none()
    if row is None:
        raise NotFound("there is no such push")
    return _message(row)


def recorded_answer(row: Row[*tuple[Any, ...]]) -> PushAnswer:
    """What the push of a row of ``pushes`` was answered, with its promotion as it is now."""
    answer = parse(PushAnswer, orjson.loads(row.answer))
    return replace(answer, promotion="pending" if row.bundle else "done")


async def find_answer(
    connection: AsyncConnection, repository_id: int, user_id: int, sha256: str, target: PushTarget
) -> PushAnswer | None:
    """What the newest push of these bytes (bare hex) by this user to this branch and head was answered, if any."""
    query = (
        select(pushes)
        .where(
            pushes.c.repository_id == repository_id,
            pushes.c.user_id == user_id,
            pushes.c.bundle_id == bytes.fromhex(sha256),
            pushes.c.branch == target.branch,
            pushes.c.head == bytes.fromhex(target.head),
        )
        .order_by(pushes.c.created_at.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return recorded_answer(row) if row else None


def _select(repository_id: int) -> Any:
    query = select(pushes, users.c.name.label("user")).join(users, users.c.id == pushes.c.user_id)
    return query.where(pushes.c.repository_id == repository_id)


def _message(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
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
