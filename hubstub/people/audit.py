"""The audit log: every move of a branch, by whom and by which request. It outlives the repository it speaks of.

A branch that was deleted, or went with its repository, moved to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import CommitId, qualified

from ..index.locks import lock_repository
from ..index.schema import branches, ref_moves
from .repositories import RepositoryRow
from .tokens import Caller

_MAX_REMOVED = 1000


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One move as lists show it. ``forced``: what was there was replaced, not built upon. Times are Unix seconds."""

    id: int
    repository: str
    user: str
    token_id: str | None
    request_id: str
    branch: str
    old_head: str | None
    new_head: str | None
    forced: bool
    push_id: str | None
    created_at: float


async def record_move(
    connection: AsyncConnection,
    repository: RepositoryRow,
    caller: Caller,
    branch: str,
    old: CommitId | None,
    new: CommitId | None,
    *,
    forced: bool,
    push_id: str | None,
    now: float,
) -> None:
    """Write a move down, in the transaction that makes it; to ``new`` None: the branch is deleted."""
    await connection.execute(
        insert(ref_moves).values(
            repository_id=repository.id,
            repository=repository.name,
            user=caller.name,
            token_id=caller.token_id,
            request_id=caller.request_id,
            branch=branch,
            old_head=bytes.fromhex(old) if old else None,
            new_head=bytes.fromhex(new) if new else None,
            forced=forced,
            push_id=push_id,
            created_at=now,
        )
    )


async def record_deletion(
    connection: AsyncConnection, repository: RepositoryRow, caller: Caller | None, now: float
) -> None:
    """Write down that every branch of a repository goes, in the transaction that deletes it.

    ``caller`` None: whoever runs the hub, by its command line.
    """
    await lock_repository(connection, repository.id)
    facts = {
        "repository_id": repository.id,
        "repository": repository.name,
        "user": caller.name if caller else "",
        "token_id": caller.token_id if caller else None,
        "request_id": caller.request_id if caller else "",
        "forced": True,
        "created_at": now,
    }
    values = [literal(value, ref_moves.c[name].type) for name, value in facts.items()]
    gone = select(branches.c.name, branches.c.head, *values).where(branches.c.repository_id == repository.id)
    await connection.execute(
        insert(ref_moves).from_select(["branch", "old_head", *facts], gone.order_by(branches.c.name))
    )


async def find_removed(connection: AsyncConnection, repository: RepositoryRow) -> dict[str, CommitId]:
    """Branch → the head that its newest move took away, where that was by force or a deletion: a person's decision.

    Of the newest thousand such moves.
    """
    query = select(ref_moves.c.branch, ref_moves.c.old_head, ref_moves.c.new_head).where(
        ref_moves.c.forced, ref_moves.c.repository == repository.name, of_repository(repository.id)
    )
    newest: dict[str, Row[*tuple[Any, ...]]] = {}
    for row in await connection.execute(query.order_by(ref_moves.c.id.desc()).limit(_MAX_REMOVED)):
        newest.setdefault(row.branch, row)
    heads: dict[str, bytes] = {}
    if newest:
        where = (branches.c.repository_id == repository.id, branches.c.name.in_(newest))
        found = await connection.execute(select(branches.c.name, branches.c.head).where(*where))
        heads = {row.name: row.head for row in found}
    # A branch that is elsewhere has moved since: whatever leads back to where force has put it is force as well.
    return {
        branch: CommitId(row.old_head.hex())
        for branch, row in newest.items()
        if row.old_head and heads.get(branch) == row.new_head
    }


async def was_deleted(connection: AsyncConnection, name: str) -> bool:
    """Whether somebody deleted a repository called ``owner/slug`` that had branches."""
    query = select(ref_moves.c.id).where(ref_moves.c.forced, of_name(name), ref_moves.c.new_head.is_(None))
    return (await connection.execute(query.limit(1))).first() is not None


async def list_moves(
    connection: AsyncConnection, where: ColumnElement[bool], *, before: int | None = None, limit: int = 1000
) -> list[MoveRow]:
    """Moves, newest first, at most ``limit``, before the one with the id ``before``. See :func:`of_repository`."""
    query = select(ref_moves).where(where).order_by(ref_moves.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ref_moves.c.id < before)
    return [_move_row(row) for row in await connection.execute(query)]


def of_repository(repository_id: int) -> ColumnElement[bool]:
    """The moves of one repository, and of no other that had its name before."""
    return ref_moves.c.repository_id == repository_id


def of_name(name: str) -> ColumnElement[bool]:
    """The moves of every repository that was ever called ``owner/slug``."""
    return ref_moves.c.repository == name


def _move_row(row: Row[*tuple[Any, ...]]) -> MoveRow:
    fields = {name: getattr(row, name) for name in MoveRow.__dataclass_fields__}
    for name in ("old_head", "new_head"):
        fields[name] = qualified(fields[name].hex()) if fields[name] else None
    return MoveRow(**fields)
