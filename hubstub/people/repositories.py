"""The repositories of a hub: found by owner and slug, made, listed, changed, deleted. Permissions are not here."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid, NotFound
from museui.core.names import check_branch, check_line, check_name

from ..index.let_go import note_let_go
from ..index.locks import lock_repository, lock_user
from ..index.schema import branches, repositories, repository_objects, users

Visibility = Literal["private", "public"]
VISIBILITIES: tuple[Visibility, ...] = ("private", "public")
SigningPolicy = Literal["off", "valid", "trusted"]
SIGNING_POLICIES: tuple[SigningPolicy, ...] = ("off", "valid", "trusted")


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """One repository. ``public_id`` is the ``repo_id`` clients see; ``created_at`` in Unix seconds.

    ``stored_bytes``: of all its objects; ``quota_bytes``: as in the schema.
    """

    id: int
    public_id: str
    owner_id: int
    owner: str
    slug: str
    visibility: Visibility
    domain: str
    default_branch: str | None
    signing_policy: SigningPolicy
    created_at: float
    stored_bytes: int
    quota_bytes: int | None

    @property
    def name(self) -> str:
        """``owner/slug``."""
        return f"{self.owner}/{self.slug}"

    def to_message(self) -> dict[str, Any]:
        """The repository as the API shows it."""
        return {
            "repo_id": self.public_id,
            "owner": self.owner,
            "slug": self.slug,
            "visibility": self.visibility,
            "domain": self.domain,
            "default_branch": self.default_branch,
            "signing_policy": self.signing_policy,
            "created_at": self.created_at,
        }


def parse_visibility(value: str) -> Visibility:
    """``value`` when it is a visibility; raises :class:`Invalid` otherwise."""
    if value not in VISIBILITIES:
        raise Invalid(
            f"not a visibility: {value!r:.40}",
            hint="A repository is private or public.",
            details={"field": "visibility"},
        )
    return value


def parse_signing_policy(value: str) -> SigningPolicy:
    """``value`` when it is a signing policy; raises :class:`Invalid` otherwise."""
    if value not in SIGNING_POLICIES:
        raise Invalid(
            f"not a signing policy: {value!r:.40}",
            hint="A signing policy is off, valid or trusted.",
            details={"field": "signing_policy"},
        )
    return value


async def find_repository(connection: AsyncConnection, owner: str, slug: str) -> RepositoryRow | None:
    """The repository ``owner/slug``, None when there is none (or when these are no names)."""
    try:
        check_name(owner, "owner")
        check_name(slug, "slug")
    except Invalid:
        return None
    row = (await connection.execute(_select().where(users.c.name == owner, repositories.c.slug == slug))).one_or_none()
    return _repository_row(row) if row else None


async def require_repository(connection: AsyncConnection, name: str) -> RepositoryRow:
    """The repository called ``owner/slug``. Raises :class:`NotFound`."""
    owner, _, slug = name.partition("/")
    found = await find_repository(connection, owner, slug)
    if found is None:
        raise NotFound(f"there is no repository {name!r:.210}", hint="'museui hub repo list' shows what there is.")
    return found


def repository_not_found(details: dict[str, Any] | None = None) -> NotFound:
    """The one answer for a repository that does not exist and for one the caller may not read."""
    return NotFound(
        "there is no such repository",
        hint="Check its address; a private repository needs a token that may read it.",
        details=details,
    )


async def hold_repository(connection: AsyncConnection, repository_id: int) -> None:
    """Lock the repository until the transaction ends. Raises :class:`NotFound` when it was deleted meanwhile."""
    if not await lock_repository(connection, repository_id):
        raise repository_not_found()


async def create_repository(
    connection: AsyncConnection,
    owner_id: int,
    slug: str,
    now: float,
    *,
    visibility: Visibility = "private",
    domain: str = "",
    default_branch: str | None = None,
) -> RepositoryRow:
    """A new repository.

    Raises :class:`Invalid` when slug, domain or branch is not acceptable or the slug, in any case of letters, taken.
    """
    check_name(slug, "slug")
    check_line(domain, "domain")
    if default_branch is not None:
        check_branch(default_branch)
    await lock_user(connection, owner_id)
    taken = select(repositories.c.id).where(
        repositories.c.owner_id == owner_id, func.lower(repositories.c.slug) == slug.lower()
    )
    if (await connection.execute(taken)).first():
        raise Invalid(f"there is a repository {slug!r} already", details={"field": "slug"})
    result = await connection.execute(
        insert(repositories)
        .values(
            public_id=str(uuid.uuid4()),
            owner_id=owner_id,
            slug=slug,
            visibility=visibility,
            domain=domain,
            default_branch=default_branch,
            created_at=now,
        )
        .returning(repositories.c.id)
    )
    row = await connection.execute(_select().where(repositories.c.id == result.scalar_one()))
    return _repository_row(row.one())


async def list_repositories(
    connection: AsyncConnection,
    *,
    where: ColumnElement[bool] | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 1000,
) -> list[RepositoryRow]:
    """Repositories by owner and slug, at most ``limit``, behind ``after`` (owner, slug).

    ``where``: :func:`~hubstub.people.access.readable_by` somebody; None: all of them.
    """
    query = _select().order_by(users.c.name, repositories.c.slug).limit(limit)
    if where is not None:
        query = query.where(where)
    if after is not None:
        owner, slug = after
        query = query.where(or_(users.c.name > owner, and_(users.c.name == owner, repositories.c.slug > slug)))
    return [_repository_row(row) for row in await connection.execute(query)]


async def delete_repository(connection: AsyncConnection, repository_id: int) -> None:
    """Delete a repository with its branches, history, pushes and restricted tokens."""
    members = select(func.count()).where(repository_objects.c.repository_id == repository_id)
    stored = select(repositories.c.stored_bytes).where(repositories.c.id == repository_id)
    count, size_bytes = (await connection.execute(select(members.scalar_subquery(), stored.scalar_subquery()))).one()
    await note_let_go(connection, count, size_bytes or 0)
    await connection.execute(delete(repositories).where(repositories.c.id == repository_id))


async def change_repository(
    connection: AsyncConnection,
    repository_id: int,
    *,
    visibility: Visibility | None = None,
    default_branch: str | None = None,
    signing_policy: SigningPolicy | None = None,
) -> RepositoryRow:
    """Set what is given, and leave the rest; the repository as it is then.

    Raises :class:`NotFound` for a default branch that is not there, or when the repository was deleted meanwhile.
    """
    await hold_repository(connection, repository_id)
    if default_branch is not None:
        query = select(branches.c.name).where(
            branches.c.repository_id == repository_id, branches.c.name == default_branch
        )
        if (await connection.execute(query)).first() is None:
            raise NotFound(f"there is no branch {default_branch!r:.260}", details={"field": "default_branch"})
    given = {"visibility": visibility, "default_branch": default_branch, "signing_policy": signing_policy}
    changes = {name: value for name, value in given.items() if value is not None}
    if changes:
        await connection.execute(update(repositories).where(repositories.c.id == repository_id).values(**changes))
    return _repository_row((await connection.execute(_select().where(repositories.c.id == repository_id))).one())


def _select() -> Select[*tuple[Any, ...]]:
    return select(repositories, users.c.name.label("owner")).join(users, users.c.id == repositories.c.owner_id)


def _repository_row(row: Row[*tuple[Any, ...]]) -> RepositoryRow:
    return RepositoryRow(**{name: getattr(row, name) for name in RepositoryRow.__dataclass_fields__})
