"""What one may do to a repository by who they are: its owner everything, a collaborator what they were given.

How far the token reaches is asked here too, how much its scope covers is not (:mod:`hubstub.http.access`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Denied, Invalid, NotFound

from ..index.schema import collaborators, repositories, users
from .repositories import RepositoryRow, hold_repository, repository_not_found
from .tokens import Caller
from .users import find_user

Access = Literal["read", "write", "admin"]
ACCESS: tuple[Access, ...] = ("read", "write", "admin")
"""From the least to the most; each covers those before it."""
_DOING: dict[Access, str] = {"read": "read", "write": "write to", "admin": "administer"}


@dataclass(frozen=True, slots=True)
class CollaboratorRow:
    """Somebody beside the owner. ``created_at`` in Unix seconds."""

    user: str
    access: Access
    created_at: float


def parse_access(value: str) -> Access:
    """``value`` when it is an access; raises :class:`Invalid` otherwise."""
    if value not in ACCESS:
        raise Invalid(
            f"not an access: {value!r:.40}", hint="An access is read, write or admin.", details={"field": "access"}
        )
    return value


def covers(given: Access | None, need: Access) -> bool:
    """Whether who has ``given`` (None: nothing) may do what takes ``need``."""
    return given is not None and ACCESS.index(given) >= ACCESS.index(need)


async def find_access(connection: AsyncConnection, caller: Caller | None, repository: RepositoryRow) -> Access | None:
    """What the caller may do as one of the repository's people, or because it is public; None: not even see it."""
    given: Access | None = None
    if caller is not None and caller.repository_id in (None, repository.id):
        given = "admin" if caller.user_id == repository.owner_id else None
        if given is None:
            query = select(collaborators.c.access).where(
                collaborators.c.repository_id == repository.id, collaborators.c.user_id == caller.user_id
            )
            given = (await connection.execute(query)).scalar_one_or_none()
    return given or ("read" if repository.visibility == "public" else None)


def readable_by(caller: Caller | None) -> ColumnElement[bool]:
    """The condition on ``repositories`` that the caller may read the row."""
    public = repositories.c.visibility == "public"
    if caller is None:
        return public
    shared = select(collaborators.c.repository_id).where(collaborators.c.user_id == caller.user_id)
    theirs = or_(repositories.c.owner_id == caller.user_id, repositories.c.id.in_(shared))
    if caller.repository_id is not None:
        theirs = and_(theirs, repositories.c.id == caller.repository_id)
    return or_(public, theirs)


async def set_collaborator(
    connection: AsyncConnection, repository: RepositoryRow, user: str, access: Access, now: float
) -> CollaboratorRow:
    """Give a user access, in place of what they had. Raises :class:`NotFound`, :class:`Invalid` for the owner."""
    await hold_repository(connection, repository.id)
    user_id = (await find_user(connection, user)).id
    if user_id == repository.owner_id:
        raise Invalid(f"{user!r:.120} owns the repository", details={"field": "user"})
    await _remove(connection, repository, user_id)
    row = CollaboratorRow(user, access, now)
    await connection.execute(
        collaborators.insert().values(
            repository_id=repository.id, user_id=user_id, access=row.access, created_at=row.created_at
        )
    )
    return row


async def remove_collaborator(connection: AsyncConnection, repository: RepositoryRow, user: str) -> None:
    """Take a user's access away. Raises :class:`NotFound`."""
    if not await _remove(connection, repository, (await find_user(connection, user)).id):
        raise NotFound(f"{user!r:.120} is no collaborator of {repository.name}")


async def list_collaborators(connection: AsyncConnection, repository: RepositoryRow) -> list[CollaboratorRow]:
    """Everybody who was given access, by name."""
    query = (
        select(users.c.name, collaborators.c.access, collaborators.c.created_at)
        .join(users, users.c.id == collaborators.c.user_id)
        .where(collaborators.c.repository_id == repository.id)
        .order_by(users.c.name)
    )
    return [CollaboratorRow(row.name, row.access, row.created_at) for row in await connection.execute(query)]


async def _remove(connection: AsyncConnection, repository: RepositoryRow, user_id: int) -> bool:
    where = (collaborators.c.repository_id == repository.id, collaborators.c.user_id == user_id)
    return bool((await connection.execute(delete(collaborators).where(*where))).rowcount)


def check_access(repository: RepositoryRow, access: Access | None, need: Access) -> None:
    """Raise :class:`NotFound` or :class:`Denied` unless who has ``access`` may do what takes ``need``."""
    if access is None:
        raise repository_not_found()
    if not covers(access, need):
        raise Denied(
            f"you may {'write to' if access == 'write' else 'read'} {repository.name} but not {_DOING[need]} it",
            hint="Its owner can give you more access.",
            details={"access": access, "needed": need},
        )
