"""The last step of a push: one branch moves, under its lock, by the rules of ``docs/protocol.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Denied, Invalid, NonFastForward, NotFound, StaleLease, TooLarge
from museui.core.ids import CommitId, qualified
from museui.core.wire import PushTarget

from ..index.history import is_ancestor
from ..index.schema import branches, repositories
from .policy import Rules, check_force


@dataclass(frozen=True, slots=True)
class Move:
    """Where a branch was, whether it moved, and whether what it was at was replaced instead of built upon."""

    previous: CommitId | None
    moved: bool = True
    forced: bool = False


async def read_head(connection: AsyncConnection, repository_id: int, branch: str) -> CommitId | None:
    """Where a branch is, None when there is none. It stays there while the repository is locked."""
    query = select(branches.c.head).where(branches.c.repository_id == repository_id, branches.c.name == branch)
    head = (await connection.execute(query)).scalar_one_or_none()
    return CommitId(head.hex()) if head else None


def check_lease(branch: str, expected: CommitId | None, current: CommitId | None) -> None:
    """Raise :class:`StaleLease` unless the branch is where the caller saw it (None: nowhere)."""
    if expected == current:
        return
    now = f"is at {current[:12]} now" if current else "is not there any more"
    raise StaleLease(
        f"branch {branch!r} {now}, not at {expected[:12]}" if expected else f"branch {branch!r} exists already",
        hint="Fetch and look at what is there, then push again.",
        details={
            "branch": branch,
            "expected": qualified(expected) if expected else None,
            "head": qualified(current) if current else None,
        },
    )


async def advance_branch(
    connection: AsyncConnection,
    repository_id: int,
    target: PushTarget,
    rules: Rules,
    parents_of: Mapping[CommitId, Sequence[CommitId]],
    max_branches: int,
    now: float,
) -> Move:
    """Move the branch to ``target.head``, whose commits are in the index.

    The repository is locked (:func:`~hubstub.index.locks.lock_repository`), so nobody else moves a branch of it.
    ``parents_of``: the commits that came with the push.  A branch that is there already stays.
    Raises :class:`StaleLease` or :class:`NonFastForward` with where the branch is, :class:`Invalid` for a new branch
    whose name cannot stand beside another's, :class:`TooLarge` for one too many, :class:`Denied` for force that is not
    allowed.
    """
    current = await read_head(connection, repository_id, target.branch)
    if current == target.head:
        return Move(current, moved=False)
    if target.lease:
        check_lease(target.branch, target.expected_head, current)
    head = bytes.fromhex(target.head)
    if current is None:
        await require_few_branches(connection, repository_id, max_branches)
        await _check_folders(connection, repository_id, target.branch)
        await connection.execute(
            insert(branches).values(repository_id=repository_id, name=target.branch, head=head, updated_at=now)
        )
        await connection.execute(
            update(repositories)
            .where(repositories.c.id == repository_id, repositories.c.default_branch.is_(None))
            .values(default_branch=target.branch)
        )
        return Move(None)
    if target.force:
        check_force(target.branch, rules)
    forced = not _descends(target.head, current, parents_of) and not await is_ancestor(
        connection, repository_id, current, target.head
    )
    if forced and not target.force:
        raise NonFastForward(
            f"branch {target.branch!r} is at {current[:12]}, which {target.head[:12]} does not build on",
            hint="Fetch and merge what is on the hub, then push again.",
            details={"branch": target.branch, "head": qualified(current)},
        )
    await connection.execute(
        update(branches)
        .where(branches.c.repository_id == repository_id, branches.c.name == target.branch)
        .values(head=head, updated_at=now)
    )
    return Move(current, forced=forced)


async def require_few_branches(connection: AsyncConnection, repository_id: int, limit: int) -> None:
    """Raise :class:`TooLarge` when the repository has ``limit`` branches or more, and so can have no new one."""
    query = select(func.count()).select_from(branches).where(branches.c.repository_id == repository_id)
    count = (await connection.execute(query)).scalar_one()
    if count >= limit:
        raise TooLarge(
            f"the repository has {count} branches, and may have no more than {limit}",
            hint="Delete branches that nobody needs: 'museui push --delete BRANCH'.",
            details={"branches": count, "max_branches": limit},
        )


async def remove_branch(
    connection: AsyncConnection, repository_id: int, branch: str, rules: Rules, expected: CommitId | None
) -> CommitId:
    """Delete a branch of the repository, which is locked; where it was. ``expected``: a lease, if there is one.

    Raises :class:`NotFound`, :class:`StaleLease`, :class:`Denied` for one that is protected and :class:`Invalid` for
    the default branch.
    """
    current = await read_head(connection, repository_id, branch)
    if current is None:
        raise NotFound(f"there is no branch {branch!r}", details={"branch": branch})
    if expected is not None:
        check_lease(branch, expected, current)
    if not rules.allows_force:
        raise Denied(
            f"branch {branch!r} is protected: it cannot be deleted",
            hint="Whoever administers the repository can take the protection away.",
            details={"branch": branch, "rule": "protected"},
        )
    default = select(repositories.c.id).where(
        repositories.c.id == repository_id, repositories.c.default_branch == branch
    )
    if (await connection.execute(default)).first() is not None:
        raise Invalid(
            f"branch {branch!r} is the repository's default branch and cannot be deleted",
            hint="Whoever administers the repository can make another branch the default first.",
            details={"branch": branch, "rule": "default_branch"},
        )
    own = (branches.c.repository_id == repository_id, branches.c.name == branch)
    await connection.execute(delete(branches).where(*own))
    return current


def _descends(new: CommitId, old: CommitId, parents_of: Mapping[CommitId, Sequence[CommitId]]) -> bool:
    """Whether the commits of the push alone lead from ``new`` down to ``old``."""
    seen: set[CommitId] = set()
    pending = [new]
    while pending:
        commit = pending.pop()
        if commit == old:
            return True
        for parent in parents_of.get(commit, ()):
            if parent not in seen:
                seen.add(parent)
                pending.append(parent)
    return False


async def _check_folders(connection: AsyncConnection, repository_id: int, name: str) -> None:
    """Refuse ``a/b`` beside ``a``: on disk a branch is a file, and cannot be a folder as well."""
    parts = name.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    below = func.substr(branches.c.name, 1, len(name) + 1) == name + "/"
    query = select(branches.c.name).where(branches.c.repository_id == repository_id, branches.c.name.in_(above) | below)
    other = (await connection.execute(query.limit(1))).scalar_one_or_none()
    if other is not None:
        raise Invalid(
            f"branch {name!r} cannot exist beside branch {other!r}",
            hint="One name would be a folder of the other. Choose another name.",
            details={"branch": name, "other": other},
        )
