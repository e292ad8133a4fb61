"""Uploads: bound to one repository, one user and one digest; ``open`` until they are confirmed, then for good.

What belongs to somebody else, or to another repository, looks like what does not exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import NotFound, RateLimited

from ..index.schema import expected_objects, uploads

_IDS_AT_ONCE = 500
KEPT_S = 24 * 3600.0
"""How long what arrived is kept after its URL has expired, for a client that comes back."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload. ``bundle_id`` is bare hex; ``expires_at`` (Unix seconds) is when its URL ends."""

    id: str
    repository_id: int
    user_id: int
    bundle_id: str
    size_bytes: int
    raw_bytes: int | None
    state: str
    expires_at: float
    push_id: str | None


async def find_open_upload(
    connection: AsyncConnection, repository_id: int, user_id: int, bundle_id: str, size_bytes: int
) -> Upload | None:
    """The newest upload of these bytes by this user that waits to be confirmed."""
    query = _select(repository_id, user_id, bundle_id).where(
        uploads.c.state == "open", uploads.c.size_bytes == size_bytes
    )
    row = (await connection.execute(query.limit(1))).one_or_none()
    return _upload(row) if row else None


async def find_upload(
    connection: AsyncConnection, repository_id: int, user_id: int, bundle_id: str, upload_id: str | None
) -> Upload:
    """The upload called ``upload_id``, or the newest of this bundle. Raises :class:`NotFound`, always the same."""
    query = _select(repository_id, user_id, bundle_id)
    if upload_id is not None:
        query = query.where(uploads.c.id == upload_id)
    row = (await connection.execute(query.limit(1))).one_or_none()
    if row is None:
        raise no_such_upload()
    return _upload(row)


def no_such_upload() -> NotFound:
    """The one answer for an upload that never was, never arrived, or is somebody else's."""
    return NotFound("there is no such upload", hint="Presign and PUT the bundle first.")


async def read_upload_state(connection: AsyncConnection, upload_id: str) -> str | None:
    """The state of an upload, None when there is none (any more)."""
    query = select(uploads.c.state).where(uploads.c.id == upload_id)
    state: str | None = (await connection.execute(query)).scalar_one_or_none()
    return state


async def open_upload(
    connection: AsyncConnection,
    repository_id: int,
    user_id: int,
    bundle_id: str,
    size_bytes: int,
    raw_bytes: int | None,
    now: float,
    expires_at: float,
) -> str:
    """A new upload; its id."""
    upload_id = secrets.token_hex(16)
    await connection.execute(
        insert(uploads).values(
            id=upload_id,
            repository_id=repository_id,
            user_id=user_id,
            bundle_id=bytes.fromhex(bundle_id),
            size_bytes=size_bytes,
            raw_bytes=raw_bytes,
            state="open",
            created_at=now,
            expires_at=expires_at,
        )
    )
    return upload_id


async def require_few_open(connection: AsyncConnection, user_id: int, limit: int, now: float) -> None:
    """Raise :class:`RateLimited` when ``limit`` uploads of the user wait for their confirm already."""
    waiting = select(func.count(), func.min(uploads.c.expires_at)).where(
        uploads.c.user_id == user_id, uploads.c.state == "open", uploads.c.expires_at > now
    )
    count, expires_at = (await connection.execute(waiting)).one()
    if count >= limit:
        raise RateLimited(
            f"{count} uploads wait to be confirmed, and no more than {limit} may",
            hint="Confirm them, or wait until they expire.",
            details={"retry_after_s": expires_at - now},
        )


async def renew_upload(connection: AsyncConnection, upload_id: str, raw_bytes: int | None, expires_at: float) -> None:
    """The upload was presigned again."""
    await connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state == "open")
        .values(raw_bytes=raw_bytes, expires_at=expires_at)
    )


async def live_upload_ids(connection: AsyncConnection, now: float) -> set[str]:
    """Uploads whose staged bytes somebody may still confirm."""
    query = select(uploads.c.id).where(uploads.c.state == "open", uploads.c.expires_at > now - KEPT_S)
    return set((await connection.execute(query)).scalars())


async def confirmed_upload_ids(connection: AsyncConnection, ids: Collection[str]) -> set[str]:
    """Those of ``ids`` that are recorded as pushed: nobody needs their staged bytes."""
    found: set[str] = set()
    every = list(ids)
    for at in range(0, len(every), _IDS_AT_ONCE):
        query = select(uploads.c.id).where(uploads.c.state != "open", uploads.c.id.in_(every[at : at + _IDS_AT_ONCE]))
        found.update((await connection.execute(query)).scalars())
    return found


async def forget_uploads(connection: AsyncConnection, now: float) -> None:
    """Delete open uploads that nobody may confirm any more, and expect no object whose URL is as old."""
    await connection.execute(delete(uploads).where(uploads.c.state == "open", uploads.c.expires_at <= now - KEPT_S))
    await connection.execute(delete(expected_objects).where(expected_objects.c.expires_at <= now - KEPT_S))


def _select(repository_id: int, user_id: int, bundle_id: str) -> Any:
    return (
        select(uploads)
        .where(
            uploads.c.repository_id == repository_id,
            uploads.c.user_id == user_id,
            uploads.c.bundle_id == bytes.fromhex(bundle_id),
        )
        .order_by(uploads.c.created_at.desc(), uploads.c.id)
    )


def _upload(row: Row[*tuple[Any, ...]]) -> Upload:
    return Upload(
        id=row.id,
        repository_id=row.repository_id,
        user_id=row.user_id,
        bundle_id=row.bundle_id.hex(),
        size_bytes=row.size_bytes,
        raw_bytes=row.raw_bytes,
        state=row.state,
        expires_at=row.expires_at,
        push_id=row.push_id,
    )
