"""What a repository asks of a push beside the format's rules: who may push, who signs, what may be replaced.

Asked in the transaction that moves the branch, so what was taken away meanwhile is not there any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import msgpack
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import BadSignature, Denied
from museui.core.ids import CommitId
from museui.core.signatures import verify_commit

from ..fetch.lookup import Lookup
from ..fetch.places import RecordPlace
from ..index.database import Database
from ..index.history import walk
from ..index.schema import collaborators, protected_branches, repositories
from ..people.access import Access
from ..people.keys import read_trusted_keys
from ..people.protection import matches_branch
from ..people.repositories import RepositoryRow, SigningPolicy, repository_not_found
from .closure import Closure
from .verify import Contents


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for one user's push to one branch. ``access``: what they may do now; ``losses`` as in the schema."""

    access: Access | None
    signing_policy: SigningPolicy
    allows_force: bool
    signed_only: bool
    losses: int


async def read_rules(connection: AsyncConnection, repository_id: int, user_id: int, branch: str) -> Rules:
    """The rules as they are now; of several patterns that match, the strictest holds.

    Raises :class:`~museui.core.errors.NotFound` when the repository was deleted meanwhile.
    """
    given, protected = collaborators.c, protected_branches.c
    query = (
        select(
            repositories.c.owner_id,
            repositories.c.visibility,
            repositories.c.signing_policy,
            repositories.c.losses,
            given.access,
            protected.pattern,
            protected.allows_force,
            protected.signed_only,
        )
        .outerjoin(collaborators, and_(given.repository_id == repositories.c.id, given.user_id == user_id))
        .outerjoin(protected_branches, protected.repository_id == repositories.c.id)
        .where(repositories.c.id == repository_id)
    )
    rows = (await connection.execute(query)).all()
    if not rows:
        raise repository_not_found()
    row = rows[0]
    everybody: Access | None = "read" if row.visibility == "public" else None
    matching = [item for item in rows if item.pattern is not None and matches_branch(item.pattern, branch)]
    return Rules(
        access="admin" if row.owner_id == user_id else row.access or everybody,
        signing_policy=row.signing_policy,
        allows_force=all(item.allows_force for item in matching),
        signed_only=any(item.signed_only for item in matching),
        losses=row.losses,
    )


def check_force(branch: str, rules: Rules) -> None:
    """Raise :class:`Denied` when the branch is protected from force."""
    if not rules.allows_force:
        raise Denied(
            f"branch {branch!r} is protected: it takes no force",
            hint="Fetch and merge what is on the hub, then push without force.",
            details={"branch": branch, "rule": "protected"},
        )


def check_signatures(policy: SigningPolicy, contents: Contents) -> None:
    """Raise the :class:`BadSignature` of the first signature that does not check, unless the policy is ``off``."""
    if contents.bad_signature is not None and policy != "off":
        raise contents.bad_signature


async def check_signers(
    connection: AsyncConnection, repository: RepositoryRow, rules: Rules, contents: Contents, closure: Closure
) -> None:
    """Hold the commits that are new to the repository to its signing policy; raises :class:`BadSignature`."""
    check_signatures(rules.signing_policy, contents)
    if rules.signing_policy != "trusted":
        return
    new = [item for item in contents.ordered if item not in closure.had_commits]
    trusted = await read_trusted_keys(connection, repository)
    for commit_id in new:
        signer = contents.commits[commit_id].signer
        if signer not in trusted:
            raise BadSignature(
                f"commit {commit_id} is "
                + ("signed by a key that nobody who may write has enrolled" if signer else "not signed"),
                hint="This repository takes commits signed by enrolled keys: 'museui keys enrol' enrols yours.",
                details={"commit_id": commit_id, "rule": "trusted", "signer_public_key": signer or None},
            )


async def check_branch_signed(
    database: Database,
    connection: AsyncConnection,
    repository_id: int,
    branch: str,
    head: CommitId,
    previous: CommitId | None,
    contents: Contents,
) -> None:
    """Hold the commits that are new on a branch to being signed, also those that came with an earlier push.

    For after the contents are in the index.  Raises :class:`BadSignature`.
    """
    earlier: list[tuple[CommitId, RecordPlace]] = []
    async for row in walk(connection, repository_id, [head], [previous] if previous else []):
        entry = contents.commits.get(row.id)
        if entry is None or entry.place.chunk_id != row.chunk_id:
            earlier.append((row.id, RecordPlace(row.chunk_id, row.chunk_offset, row.chunk_size)))
        elif not entry.signer:
            raise _not_signed(row.id, branch)
    if earlier:
        unsigned = await asyncio.to_thread(_find_unsigned, Lookup(database), earlier)
        if unsigned is not None:
            raise _not_signed(unsigned, branch)


def _find_unsigned(lookup: Lookup, places: Iterable[tuple[CommitId, RecordPlace]]) -> CommitId | None:
    for commit_id, place in places:
        try:
            if verify_commit(msgpack.unpackb(lookup.record(place))) != "valid":
                return commit_id
        except BadSignature:
            return commit_id
    return None


def _not_signed(commit_id: CommitId, branch: str) -> BadSignature:
    return BadSignature(
        f"commit {commit_id} is not signed, and branch {branch!r} takes signed commits only",
        hint="Make a key with 'museui keys generate', and commit again: snapshots are signed then.",
        details={"commit_id": commit_id, "rule": "signed_only", "branch": branch},
    )
