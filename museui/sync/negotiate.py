"""The first phase: what the hub has of our history, in as few requests as can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from museui.core import wire
from museui.core.errors import Denied, NonFastForward, NotFound, StaleLease, Unauthorized
from museui.core.ids import CommitId, ObjectId
from museui.core.limits import Limits
from museui.core.records import Commit
from museui.hub.client import HubClient
from museui.repo.history import compare_heads
from museui.repo.repository import Repository

from .missing_commits import walk_missing
from .run_phase import Phase


@dataclass(frozen=True, slots=True)
class Common:
    """What the hub has: its branch's head (``None``: no such branch) and commits of ours that it holds."""

    hub_head: CommitId | None
    known: frozenset[CommitId] = frozenset()
    limits: Limits = field(default_factory=Limits)
    capabilities: frozenset[str] = frozenset()
    needs: tuple[ObjectId, ...] = ()
    """Objects of ours that the hub has lost."""


def sample_commits(commits: list[Commit], size: int, skip: int = 0) -> list[CommitId]:
    """Up to ``size`` commits, newest first, one after the other at first and then in steps that double.

    ``commits`` are parents first; ``skip`` newest ones are left out (they were asked about in an earlier round).
    """
    chosen: list[CommitId] = []
    index, step = len(commits) - 1 - skip, 1
    while index >= 0 and len(chosen) < size:
        chosen.append(commits[index].id)
        if len(chosen) >= 10:
            step *= 2
        index -= step
    if commits and len(chosen) < size and commits[0].id not in chosen:
        chosen.append(commits[0].id)
    return chosen


async def fetch_refs(
    client: HubClient, etag: str = "", branch: str = "", *, by_itself: bool = False
) -> tuple[wire.Refs | None, str]:
    """``GET refs``, ``None`` when they are still those that ``etag`` names; and what names them now.

    ``branch``: that one is wanted, of the others no more than one page.

    A repository that the first push will create is one without branches. Raises :class:`NotFound` for one that this
    push cannot create, or, when nobody asked for it (``by_itself``), that somebody deleted; :class:`Unauthorized` when
    there is no token.
    """
    try:
        return await client.fetch_new_refs(etag, branch)
    except NotFound as exc:
        if "request_id" not in exc.details:
            raise  # no hub said so
        if not client.has_token:
            raise _no_token(client) from exc
        if not exc.details.get("auto_create"):
            raise NotFound(
                f"there is no repository {client.url.owner}/{client.url.slug} at {client.url.base} that you may see",
                hint="Check the URL and the token; the owner's first push, or `museui hub repo create`, makes one.",
                details=exc.details,
            ) from exc
        if by_itself and exc.details.get("deleted"):
            raise NotFound(
                f"somebody deleted {client.url.owner}/{client.url.slug} at {client.url.base}",
                hint="If it is to be there: `museui push` makes it anew. If not: `museui watch remove`.",
                details=exc.details,
            ) from exc
        return wire.parse(wire.Refs, {**exc.details, "repo_id": None, "branch_heads": {}}), ""


def check_may_write(client: HubClient, refs: wire.Refs) -> None:
    """Raise :class:`Unauthorized` without a token, :class:`Denied` with one that may not write here."""
    if refs.access != "read":
        return
    if not client.has_token:
        raise _no_token(client)
    raise Denied(
        f"you may read {client.url.owner}/{client.url.slug} at {client.url.base} but not write to it",
        hint="Its owner can give you more access; or use a token whose scope is 'write'.",
        details={"access": refs.access, "needed": "write"},
    )


def _no_token(client: HubClient) -> Unauthorized:
    return Unauthorized(
        f"there is no token for {client.url.host}, and without one nothing can be pushed",
        hint=f"Sign in: 'museui login {client.url.base}', or set MUSEUI_TOKEN.",
    )


async def find_common(
    client: HubClient, repository: Repository, refs: wire.Refs, branch: str, head: CommitId, phase: Phase
) -> Common:
    """The commits of ours that the hub holds.

    Heads we know ourselves settle it without a further request.  Only when the hub has heads that we have never seen,
    or more than it told, are our newest commits offered, in widening steps, until it says that no round would help.
    """
    heads = set(refs.branch_heads.values())
    known = {commit for commit in heads if repository.store.reads_commit(commit)}
    limits = refs.known_limits()
    rounds = 0
    if heads - known or refs.next is not None:
        commits = walk_missing(head, known, repository.read_commit).commits
        skip = 0
        while skip < len(commits):
            have = sample_commits(commits, limits.negotiate_max_have, skip)
            rounds += 1
            phase.progress(rounds, None, "rounds")
            answer = await client.negotiate([], have)
            known.update(commit for commit in answer.ack if repository.store.reads_commit(commit))
            if answer.ready or answer.ack or have[-1] == commits[0].id:
                break
            skip += len(have)
    phase.detail.update(rounds=rounds, hub_branches=len(heads))
    needs = tuple(item for item in refs.needs if repository.has_object(item))
    return Common(refs.branch_heads.get(branch), frozenset(known), limits, frozenset(refs.capabilities), needs)


def check_fast_forward(
    repository: Repository, branch: str, hub_head: CommitId | None, head: CommitId, known: Collection[CommitId]
) -> None:
    """Refuse to push what the hub would refuse. Raises :class:`NonFastForward` saying which case it is.

    ``known``: commits of ours that the hub has. Force is named only to whom the hub's branch is at hand.
    """
    if hub_head is None:
        return
    details = {"branch": branch, "head": hub_head}
    if not repository.has_commit(hub_head):
        if not known:
            raise _unrelated(branch, details)
        raise NonFastForward(
            f"{branch!r} on the hub is at {hub_head[:12]}, which this repository does not have",
            hint="Run `museui fetch`, merge, and push again.",
            details=details,
        )
    apart = compare_heads(repository, head, hub_head)
    if not apart.behind:
        return
    if not apart.related:
        raise _unrelated(branch, details)
    if not apart.ahead:
        raise NonFastForward(
            f"{branch!r} is behind the hub, which already has {head[:12]} and {apart.behind} more",
            hint="Run `museui pull`; to move the hub's branch back, use --force-with-lease.",
            details=details,
        )
    raise NonFastForward(
        f"{branch!r} and the hub's have diverged: {apart.ahead} commits here, {apart.behind} there",
        hint="Merge the hub's commits and push again; or replace them with --force-with-lease.",
        details=details,
    )


def _unrelated(branch: str, details: dict[str, str]) -> NonFastForward:
    return NonFastForward(
        f"{branch!r} on the hub has no commit in common with {branch!r} here: it is of another repository",
        hint="Look whether the remote is the right one: `museui remote list`. If it is, push to another branch there.",
        details={**details, "rule": "unrelated"},
    )


def check_not_removed(
    repository: Repository, branch: str, removed: Mapping[str, CommitId], hub_head: CommitId | None, head: CommitId
) -> None:
    """Refuse to bring back what a person took away on the hub. Raises :class:`NonFastForward` saying what that is."""
    gone = removed.get(branch)
    if gone is None or not repository.has_commit(gone) or compare_heads(repository, head, gone).behind:
        return
    what = f"moved back on the hub, by force, from {gone[:12]} to {hub_head[:12]}" if hub_head else "deleted on the hub"
    raise NonFastForward(
        f"{branch!r} was {what}; this push would bring back what was taken away",
        hint="Look at what is there (`museui fetch`). If it is to be brought back, `museui push` does it.",
        details={"branch": branch, "head": hub_head, "removed": gone},
    )


def check_lease(branch: str, expected: CommitId | None, hub_head: CommitId | None) -> None:
    """Refuse when the hub's branch is not where the lease says. Raises :class:`StaleLease`."""
    if expected != hub_head:
        shown = hub_head[:12] if hub_head else "gone"
        raise StaleLease(
            f"{branch!r} on the hub is {shown}, not {expected[:12] if expected else 'absent'} as the lease says",
            hint="Look at what is there (`museui fetch`), then push again with a new lease.",
            details={"branch": branch, "expected": expected, "head": hub_head},
        )
