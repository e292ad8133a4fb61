"""The repositories of a hub: found by owner and slug, made, listed, changed, deleted. Permissions are not here."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid, NotFound
from museui.core.names import check_branch, check_name

from ..index.schema import repositories, users

Visibility = Literal["private", "public"]
VISIBILITIES: tuple[Visibility, ...] = ("private", "public")


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """One repository. ``public_id`` is the ``repo_id`` clients see; ``created_at`` in Unix seconds."""

    id: int
    public_id: str
    owner_id: int
    owner: str
    slug: str
    visibility: Visibility
    domain: str
    default_branch: str | None
    created_at: float

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
    """A new repository. Raises :class:`Invalid` when the slug is not acceptable or, in any case of letters, taken."""
    check_name(slug, "slug")
    if default_branch is not None:
        check_branch(default_branch)
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
    reader_id: int | None = None,
    only_id: int | None = None,
    everything: bool = False,
    after: tuple[str, str] | None = None,
    limit: int = 1000,
) -> list[RepositoryRow]:
    """Repositories by owner and slug, at most ``limit``, behind ``after`` (owner, slug).

    Public ones and those of ``reader_id`` (of these, when ``only_id`` is given, that one alone); all with
    ``everything``.
    """
    query = _select().order_by(users.c.name, repositories.c.slug).limit(limit)
    if not everything:
        own = repositories.c.owner_id == reader_id
        if only_id is not None:
            own = and_(own, repositories.c.id == only_id)
        query = query.where(or_(repositories.c.visibility == "public", own))
    if after is not None:
        owner, slug = after
        query = query.where(or_(users.c.name > owner, and_(users.c.name == owner, repositories.c.slug > slug)))
    return [_repository_row(row) for row in await connection.execute(query)]


async def delete_repository(connection: AsyncConnection, repository_id: int) -> None:
    """Delete a repository with its branches, history, pushes and restricted tokens."""
    await connection.execute(delete(repositories).where(repositories.c.id == repository_id))


async def set_visibility(connection: AsyncConnection, repository_id: int, visibility: Visibility) -> None:
    """Make a repository private or public."""
    await connection.execute(
        update(repositories).where(repositories.c.id == repository_id).values(visibility=visibility)
    )


def _select() -> Select[*tuple[Any, ...]]:
    return select(repositories, users.c.name.label("owner")).join(users, users.c.id == repositories.c.owner_id)


def _repository_row(row: Row[*tuple[Any, ...]]) -> RepositoryRow:
    return RepositoryRow(**{name: getattr(row, name) for name in RepositoryRow.__dataclass_fields__})
