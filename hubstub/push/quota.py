"""Quotas: how many bytes a repository, and all repositories of one user together, may take on the hub's disk.

What is used are the objects (``repositories.stored_bytes``) and the records: commits and snapshots as they are
stored, tags, releases.  What an upload will need is reserved while it is open, by the bytes that may arrive; a body
that comes in one request counts while it lies in the spool (:mod:`hubstub.arrivals.at_once`).  What a push really took
is settled in the transaction that records it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Quota
from museui.core.ids import ObjectId

from ..config import Quotas
from ..index.database import Database
from ..index.history import existing_objects, id_parts, select_among
from ..index.locks import lock_user
from ..index.schema import (
    chunks,
    expected_objects,
    objects,
    pending_objects,
    releases,
    repositories,
    tags,
    uploads,
    users,
)
from ..people.repositories import RepositoryRow
from .closure import Closure, new_chunks
from .rows import insert_rows
from .verify import Contents

NO_QUOTA = -1
"""In ``quota_bytes``: no limit, whatever the hub's own is."""


@dataclass(frozen=True, slots=True)
class Place:
    """The subject of a quota: the repository ``owner/slug``, and whose it is. ``id`` None: it is not there yet."""

    name: str
    owner_id: int
    id: int | None


def place_of(repository: RepositoryRow) -> Place:
    """A repository that is there."""
    return Place(repository.name, repository.owner_id, repository.id)


@dataclass(frozen=True, slots=True)
class Room:
    """The room that one quota leaves. ``key`` names the quota; ``left_bytes`` may be negative."""

    key: str
    what: str
    limit_bytes: int
    left_bytes: int

    def require(self, asked_bytes: int, held_bytes: int = 0) -> None:
        """Raise :class:`Quota` unless there is room for ``asked_bytes`` beside the ``held_bytes`` that are arriving."""
        if held_bytes + asked_bytes > self.left_bytes:
            raise _no_room(self.what, self.limit_bytes, asked_bytes)


@dataclass(frozen=True, slots=True)
class _Scope:
    """The repositories that a quota counts: ``repositories`` selects their ids; ``expected``: their objects."""

    key: str
    what: str
    limit_bytes: int
    repositories: Select[tuple[int]]
    expected: ColumnElement[bool]


async def reserve_room(
    connection: AsyncConnection,
    quotas: Quotas,
    place: Place,
    declared_bytes: int,
    now: float,
    renewed: str | None = None,
) -> None:
    """Refuse an upload of ``declared_bytes`` that cannot fit beside what is stored and what other uploads reserve.

    In the transaction that then opens the upload; ``renewed`` is one that counts no more.  Raises :class:`Quota`.
    """
    if declared_bytes:
        for room in await find_room(connection, quotas, place, now, renewed, alone=True):
            room.require(declared_bytes)


async def find_room(
    connection: AsyncConnection,
    quotas: Quotas,
    place: Place,
    now: float | None,
    renewed: str | None = None,
    *,
    alone: bool = False,
) -> list[Room]:
    """Return the room that each quota leaves beside what is stored and, unless ``now`` is None, reserved.

    ``alone``: nobody else takes of it until the transaction ends.
    """
    scopes = await _scopes(connection, quotas, place)
    if scopes and alone:
        await lock_user(connection, place.owner_id)
    rooms = []
    for scope in scopes:
        taken = await _used_bytes(connection, scope.repositories)
        if now is not None:
            taken += await _reserved_bytes(connection, scope, now, renewed)
        rooms.append(Room(scope.key, scope.what, scope.limit_bytes, scope.limit_bytes - taken))
    return rooms


async def expect_objects(
    database: Database,
    connection: AsyncConnection,
    quotas: Quotas,
    place: Place,
    user_id: int,
    sizes: Mapping[ObjectId, int],
    now: float,
    expires_at: float,
) -> None:
    """Reserve room for single objects that the user may send until ``expires_at``, where there is a quota.

    The same object again is expected once.  Raises :class:`Quota`.
    """
    await forget_expected(connection, place.name, user_id, sizes)
    rooms = await find_room(connection, quotas, place, now, alone=True)
    if not rooms:
        return
    for room in rooms:
        room.require(sum(sizes.values()))
    rows = [
        (place.name, user_id, bytes.fromhex(item), place.owner_id, size, expires_at)
        for item, size in sorted(sizes.items())
    ]
    columns = ("repository", "user_id", "object_id", "owner_id", "size_bytes", "expires_at")
    await insert_rows(database, connection, expected_objects, columns, rows)


async def forget_expected(connection: AsyncConnection, repository: str, user_id: int, ids: Iterable[ObjectId]) -> None:
    """The user's objects for ``repository`` have been taken out of the staging area, or are expected anew."""
    own = delete(expected_objects).where(
        expected_objects.c.repository == repository, expected_objects.c.user_id == user_id
    )
    for part in id_parts(ids):
        await connection.execute(own.where(expected_objects.c.object_id.in_(part)))


async def settle_room(
    connection: AsyncConnection, quotas: Quotas, place: Place, contents: Contents, closure: Closure
) -> None:
    """Add what the push will add to ``stored_bytes``: before its rows, which nobody else adds until it is over.

    Raises :class:`Quota` when there is no room for it and for its records.
    """
    record_bytes = sum(chunk.size_bytes for chunk in new_chunks(contents, closure))
    added = await _added_bytes(connection, place, contents, closure)
    if not (added or record_bytes):
        return
    for room in await find_room(connection, quotas, place, None, alone=True):
        room.require(added + record_bytes)
    if added:
        own = update(repositories).where(repositories.c.id == place.id)
        await connection.execute(own.values(stored_bytes=repositories.c.stored_bytes + added))


async def _added_bytes(connection: AsyncConnection, place: Place, contents: Contents, closure: Closure) -> int:
    """The bytes of the objects that the push will make members; the repository is locked."""
    if place.id is None or not (contents.objects.keys() - closure.had_objects or closure.pending_objects):
        return 0
    stored = select(repositories.c.stored_bytes).where(repositories.c.id == place.id)
    stored_bytes = (await connection.execute(stored.with_for_update(key_share=True))).scalar_one()
    ids = contents.objects.keys() | closure.pending_objects
    members = await existing_objects(connection, place.id, ids) if stored_bytes else set()
    added = sum(size for object_id, (_, size) in contents.objects.items() if object_id not in members)
    if waiting := closure.pending_objects - contents.objects.keys() - members:
        sizes = select(objects.c.id, objects.c.size_bytes)
        added += sum([row.size_bytes async for row in select_among(connection, sizes, objects.c.id, waiting)])
    return added


async def require_room_for_first(
    connection: AsyncConnection, quotas: Quotas, place: Place, asked_bytes: int, now: float | None
) -> None:
    """Refuse what a repository could not hold, before it is made for that. Raises :class:`Quota`.

    Beside what the owner's uploads reserve ``now``; None: beside what is stored alone.
    """
    for room in await find_room(connection, quotas, place, now):
        room.require(asked_bytes)


async def set_user_quota(connection: AsyncConnection, user_id: int, quota_bytes: int | None) -> None:
    """Bound what a user's repositories take together; None: as the hub does, :data:`NO_QUOTA`: not at all."""
    await connection.execute(update(users).where(users.c.id == user_id).values(quota_bytes=quota_bytes))


async def set_repository_quota(connection: AsyncConnection, repository_id: int, quota_bytes: int | None) -> None:
    """Bound what a repository takes; None: as the hub does, :data:`NO_QUOTA`: not at all."""
    changed = update(repositories).where(repositories.c.id == repository_id)
    await connection.execute(changed.values(quota_bytes=quota_bytes))


async def read_used_bytes(connection: AsyncConnection, owner_id: int, repository_id: int | None) -> int:
    """Return the bytes that a user's repositories take, or one of them."""
    own = _ids().where(repositories.c.owner_id == owner_id)
    return await _used_bytes(
        connection, own if repository_id is None else own.where(repositories.c.id == repository_id)
    )


async def _scopes(connection: AsyncConnection, quotas: Quotas, place: Place) -> Sequence[_Scope]:
    own = select(users.c.quota_bytes).where(users.c.id == place.owner_id)
    user_limit = choose_limit((await connection.execute(own)).scalar_one_or_none(), quotas.user_bytes)
    limit = quotas.repository_bytes
    if place.id is not None:
        query = select(repositories.c.quota_bytes).where(repositories.c.id == place.id)
        limit = choose_limit((await connection.execute(query)).scalar_one_or_none(), limit)
    scopes: list[_Scope] = []
    if limit is not None:
        ids, expected = _ids().where(repositories.c.id == place.id), expected_objects.c.repository == place.name
        scopes.append(_Scope(f"repository {place.name}", "the repository", limit, ids, expected))
    if user_limit is not None:
        ids, expected = (
            _ids().where(repositories.c.owner_id == place.owner_id),
            expected_objects.c.owner_id == place.owner_id,
        )
        scopes.append(_Scope(f"user {place.owner_id}", "the owner", user_limit, ids, expected))
    return scopes


def _ids() -> Select[tuple[int]]:
    return select(repositories.c.id)


def choose_limit(own: int | None, common: int | None) -> int | None:
    """The limit that holds where ``own`` was set and ``common`` is the hub's: ``own``, unless it was not."""
    if own is None:
        return common
    return None if own == NO_QUOTA else own


async def _used_bytes(connection: AsyncConnection, ids: Select[tuple[int]]) -> int:
    stored = select(func.sum(repositories.c.stored_bytes)).where(repositories.c.id.in_(ids))
    records = [
        select(func.sum(func.length(column))).where(column.table.c.repository_id.in_(ids))
        for column in (chunks.c.data, tags.c.record, releases.c.record)
    ]
    return sum([int((await connection.execute(query)).scalar_one() or 0) for query in (stored, *records)])


async def _reserved_bytes(connection: AsyncConnection, scope: _Scope, now: float, renewed: str | None) -> int:
    """Return the bytes that may arrive for open uploads, and those of sent objects that wait for their push."""
    announced = select(func.sum(uploads.c.size_bytes)).where(
        uploads.c.repository_id.in_(scope.repositories), uploads.c.state == "open", uploads.c.expires_at > now
    )
    if renewed is not None:
        announced = announced.where(uploads.c.id != renewed)
    waiting = (
        select(func.sum(objects.c.size_bytes))
        .join(pending_objects, pending_objects.c.object_id == objects.c.id)
        .where(pending_objects.c.repository_id.in_(scope.repositories), pending_objects.c.expires_at > now)
    )
    expected = select(func.sum(expected_objects.c.size_bytes)).where(
        scope.expected, expected_objects.c.expires_at > now
    )
    return sum([int((await connection.execute(query)).scalar_one() or 0) for query in (announced, waiting, expected)])


def _no_room(what: str, limit_bytes: int, asked: int) -> Quota:
    """How much is used is not told: the owner's other repositories are not everybody's business."""
    return Quota(
        f"{what} may take {limit_bytes} bytes, and has no room for {asked} more",
        hint="Whoever runs the hub can raise the quota, or collect with 'museui hub gc' what nothing needs any more.",
        details={"quota_bytes": limit_bytes, "asked_bytes": asked},
    )
