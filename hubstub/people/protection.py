"""Protected branches: patterns of names on which no history is replaced, or every commit is signed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid, NotFound
from museui.core.names import check_branch

from ..index.schema import protected_branches
from .repositories import hold_repository

_other_wildcards = re.compile(r"[?\[]").sub
"""Characters that a branch's name may hold and that mean themselves in a pattern."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What holds on the branches that ``pattern`` matches. ``created_at`` in Unix seconds."""

    pattern: str
    allows_force: bool
    signed_only: bool
    created_at: float


def check_pattern(pattern: str) -> str:
    """``pattern`` when some branch can match it; raises :class:`Invalid` otherwise."""
    try:
        check_branch(pattern.replace("*", "x"))
    except Invalid as exc:
        raise Invalid(
            f"no branch can match the pattern {pattern!r:.260}",
            hint="A pattern is a branch name in which '*' stands for any characters.",
            details={"field": "pattern"},
        ) from exc
    return pattern


def matches_branch(pattern: str, branch: str) -> bool:
    """Whether the pattern, in which ``*`` stands for any characters, ``/`` too, matches the branch's name."""
    return fnmatchcase(branch, _other_wildcards("[\\g<0>]", pattern))


async def protect_branches(connection: AsyncConnection, repository_id: int, protection: Protection) -> None:
    """Protect what the pattern matches, in place of what held for the same pattern. Raises :class:`NotFound`."""
    await hold_repository(connection, repository_id)
    await _remove(connection, repository_id, protection.pattern)
    await connection.execute(
        insert(protected_branches).values(
            repository_id=repository_id,
            pattern=protection.pattern,
            allows_force=protection.allows_force,
            signed_only=protection.signed_only,
            created_at=protection.created_at,
        )
    )


async def unprotect_branches(connection: AsyncConnection, repository_id: int, pattern: str) -> None:
    """Take a pattern away. Raises :class:`NotFound`."""
    if not await _remove(connection, repository_id, pattern):
        raise NotFound(f"nothing is protected by the pattern {pattern!r:.260}")


async def list_protections(connection: AsyncConnection, repository_id: int) -> list[Protection]:
    """Every pattern, by name."""
    query = select(protected_branches).where(protected_branches.c.repository_id == repository_id)
    rows = await connection.execute(query.order_by(protected_branches.c.pattern))
    return [Protection(row.pattern, row.allows_force, row.signed_only, row.created_at) for row in rows]


async def _remove(connection: AsyncConnection, repository_id: int, pattern: str) -> bool:
    where = (protected_branches.c.repository_id == repository_id, protected_branches.c.pattern == pattern)
    return bool((await connection.execute(delete(protected_branches).where(*where))).rowcount)
