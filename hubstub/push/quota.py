"""Quotas: how many bytes of objects a repository, and all repositories of one user together, may hold.

What is used is ``repositories.stored_bytes``.  What an upload will need is reserved while it is open, by what was
declared of it; what it really took is settled in the transaction that records the push.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Quota

from ..config import Quotas
from ..index.history import existing_objects, select_among
from ..index.locks import lock_user
from ..index.schema import objects, pending_objects, repositories, uploads, users
from .closure import Closure
from .verify import Contents

NO_QUOTA = -1
"""In ``quota_bytes``: no limit, whatever the hub's own is."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a quota holds for: ``repositories`` selects the ids of the repositories that share it."""

    what: str
    limit_bytes: int
    repositories: Select[tuple[int]]


async def reserve_room(
    connection: AsyncConnection,
    quotas: Quotas,
    repository_id: int,
    declared_bytes: int,
    now: float,
    renewed: str | None = None,
) -> None:
    """Refuse an upload of ``declared_bytes`` that cannot fit beside what is stored and what other uploads reserve.

    In the transaction that then opens the upload; ``renewed`` is one that counts no more.  Raises :class:`Quota`.
    """
    if not declared_bytes:
        return
    for scope in await _scopes(connection, quotas, repository_id):
        used = await _used_bytes(connection, scope)
        _require(scope, used, await _reserved_bytes(connection, scope, now, renewed), declared_bytes)


async def settle_room(
    connection: AsyncConnection, quotas: Quotas, repository_id: int, contents: Contents, closure: Closure
) -> None:
    """Add what the push will add to ``stored_bytes``: before its rows, which nobody else adds until it is over.

    Raises :class:`Quota`.
    """
    if not (contents.objects.keys() - closure.had_objects or closure.pending_objects):
        return
    own = repositories.c.id == repository_id
    stored = select(repositories.c.stored_bytes).where(own).with_for_update(key_share=True)
    stored_bytes = (await connection.execute(stored)).scalar_one()
    ids = contents.objects.keys() | closure.pending_objects
    members = await existing_objects(connection, repository_id, ids) if stored_bytes else set()
    added = sum(size for object_id, (_, size) in contents.objects.items() if object_id not in members)
    if waiting := closure.pending_objects - contents.objects.keys() - members:
        sizes = select(objects.c.id, objects.c.size_bytes)
        added += sum([row.size_bytes async for row in select_among(connection, sizes, objects.c.id, waiting)])
    if not added:
        return
    for scope in await _scopes(connection, quotas, repository_id):
        _require(scope, await _used_bytes(connection, scope), 0, added)
    await connection.execute(update(repositories).where(own).values(stored_bytes=stored_bytes + added))


async def require_room_for_first(
    connection: AsyncConnection, quotas: Quotas, owner_id: int, asked_bytes: int, now: float | None
) -> None:
    """Refuse what a repository of ``owner_id`` could not hold, before it is made for that. Raises :class:`Quota`.

    Beside what the owner's uploads reserve ``now``; None: beside what is stored alone.
    """
    if quotas.repository_bytes is not None and asked_bytes > quotas.repository_bytes:
        raise _no_room("the repository", quotas.repository_bytes, asked_bytes)
    own = (await connection.execute(select(users.c.quota_bytes).where(users.c.id == owner_id))).scalar_one_or_none()
    scope = _owner_scope(owner_id, choose_limit(own, quotas.user_bytes))
    if scope is not None:
        reserved = 0 if now is None else await _reserved_bytes(connection, scope, now, None)
        _require(scope, await _used_bytes(connection, scope), reserved, asked_bytes)


async def set_user_quota(connection: AsyncConnection, user_id: int, quota_bytes: int | None) -> None:
    """Bound what a user's repositories hold together; None: as the hub does, :data:`NO_QUOTA`: not at all."""
    await connection.execute(update(users).where(users.c.id == user_id).values(quota_bytes=quota_bytes))


async def set_repository_quota(connection: AsyncConnection, repository_id: int, quota_bytes: int | None) -> None:
    """Bound what a repository holds; None: as the hub does, :data:`NO_QUOTA`: not at all."""
    changed = update(repositories).where(repositories.c.id == repository_id)
    await connection.execute(changed.values(quota_bytes=quota_bytes))


async def _scopes(connection: AsyncConnection, quotas: Quotas, repository_id: int) -> Iterable[_Scope]:
    query = (
        select(repositories.c.owner_id, repositories.c.quota_bytes, users.c.quota_bytes.label("user_quota_bytes"))
        .join(users, users.c.id == repositories.c.owner_id)
        .where(repositories.c.id == repository_id)
    )
    row = (await connection.execute(query)).one()
    scopes: list[_Scope] = []
    limit = choose_limit(row.quota_bytes, quotas.repository_bytes)
    if limit is not None:
        scopes.append(_Scope("the repository", limit, _ids().where(repositories.c.id == repository_id)))
    owner = _owner_scope(row.owner_id, choose_limit(row.user_quota_bytes, quotas.user_bytes))
    if owner is not None:
        await lock_user(connection, row.owner_id)
        scopes.append(owner)
    return scopes


def _owner_scope(owner_id: int, limit_bytes: int | None) -> _Scope | None:
    if limit_bytes is None:
        return None
    return _Scope("the owner", limit_bytes, _ids().where(repositories.c.owner_id == owner_id))


def _ids() -> Select[tuple[int]]:
    return select(repositories.c.id)


def choose_limit(own: int | None, common: int | None) -> int | None:
    """The limit that holds where ``own`` was set and ``common`` is the hub's: ``own``, unless it was not."""
    if own is None:
        return common
    return None if own == NO_QUOTA else own


async def _used_bytes(connection: AsyncConnection, scope: _Scope) -> int:
    stored = func.coalesce(func.sum(repositories.c.stored_bytes), 0)
    query = select(stored).where(repositories.c.id.in_(scope.repositories))
    return int((await connection.execute(query)).scalar_one())


async def _reserved_bytes(connection: AsyncConnection, scope: _Scope, now: float, renewed: str | None) -> int:
    """What open uploads declared, and what objects take that were sent and wait for their push."""
    declared = func.coalesce(uploads.c.raw_bytes, uploads.c.size_bytes)
    announced = select(func.coalesce(func.sum(declared), 0)).where(
        uploads.c.repository_id.in_(scope.repositories), uploads.c.state == "open", uploads.c.expires_at > now
    )
    if renewed is not None:
        announced = announced.where(uploads.c.id != renewed)
    waiting = (
        select(func.coalesce(func.sum(objects.c.size_bytes), 0))
        .join(pending_objects, pending_objects.c.object_id == objects.c.id)
        .where(pending_objects.c.repository_id.in_(scope.repositories), pending_objects.c.expires_at > now)
    )
    return sum([int((await connection.execute(query)).scalar_one()) for query in (announced, waiting)])


def _require(scope: _Scope, used: int, reserved: int, asked: int) -> None:
    if used + reserved + asked > scope.limit_bytes:
        raise _no_room(scope.what, scope.limit_bytes, asked)


def _no_room(what: str, limit_bytes: int, asked: int) -> Quota:
    """How much is used is not told: the owner's other repositories are not everybody's business."""
    return Quota(
        f"{what} may hold {limit_bytes} bytes, and has no room for {asked} more",
        hint="Whoever runs the hub can raise the quota, or collect with 'museui hub gc' what nothing needs any more.",
        details={"quota_bytes": limit_bytes, "asked_bytes": asked},
    )
