"""The way back: a clone, and a pull, which moves a branch and its work tree to what the hub has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from museui.core.errors import NonFastForward, NotFound
from museui.core.ids import CommitId, ObjectId
from museui.core.records import SnapshotParser
from museui.hub.client import HubClient
from museui.repo.checkout import update_work_tree
from museui.repo.config import Remote
from museui.repo.history import compare_heads
from museui.repo.repository import Repository

from .fetch import FetchResult, OnProgress, fetch

_DEFAULT_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Cloned:
    """A new clone; ``head`` is ``None`` when the hub's repository is empty."""

    repository: Repository
    branch: str
    head: CommitId | None
    fetched: FetchResult


@dataclass(frozen=True, slots=True)
class Pulled:
    """Where a branch was and is, and how many files of the work tree changed."""

    branch: str
    old: CommitId | None
    head: CommitId
    files: int
    fetched: FetchResult


async def clone(
    client: HubClient, root: Path, branch: str | None, on_progress: OnProgress = lambda received_bytes: None
) -> Cloned:
    """Copy the repository that ``client`` talks to into ``root``, a folder that is empty or not there.

    Checks out ``branch``, or the hub's default branch.  Raises :class:`NotFound` for a branch the hub does not have.
    The caller removes what is left when it fails.
    """
    refs = await client.fetch_refs()
    name = branch or refs.default_branch or _DEFAULT_BRANCH
    if branch and branch not in refs.branch_heads:
        raise NotFound(f"the hub has no branch {branch!r}", hint=f"It has: {', '.join(sorted(refs.branch_heads))}.")
    repository = await asyncio.to_thread(Repository.init, root, refs.domain, name, repo_id=refs.repo_id)
    repository.set_remote(Remote("origin", str(client.url), name))
    fetched = await fetch(repository, client, "origin", on_progress=on_progress)
    head = fetched.branch_heads.get(name)
    if head is not None:
        await asyncio.to_thread(_move, repository, name, None, head, True)
    return Cloned(repository, name, head, fetched)


async def pull(
    repository: Repository,
    client: HubClient,
    remote: str | None,
    branch: str,
    on_progress: OnProgress = lambda received_bytes: None,
) -> Pulled:
    """Fetch ``branch`` and move it, and the work tree when it is checked out, forward to what the hub has.

    Raises :class:`NonFastForward` when the branch has commits that the hub lacks,
    :class:`~museui.core.errors.Conflict` when the work tree has changes in the way; then nothing has moved.
    """
    fetched = await fetch(repository, client, remote, [branch], on_progress)
    head = fetched.branch_heads[branch]
    old = repository.read_branch(branch)
    if old is not None:
        apart = compare_heads(repository, old, head)
        if apart.ahead and apart.behind:
            raise NonFastForward(
                f"{branch!r} and the hub's have diverged: {apart.ahead} commits here, {apart.behind} there",
                hint="Merge them with the Muse client; what the hub has is here now.",
                details={"branch": branch, "head": head},
            )
        if not apart.behind:
            return Pulled(branch, old, old, 0, fetched)
    checked_out = not repository.bare and repository.current_branch() == branch
    files = await asyncio.to_thread(_move, repository, branch, old, head, checked_out)
    return Pulled(branch, old, head, files, fetched)


def _move(repository: Repository, branch: str, old: CommitId | None, head: CommitId, checked_out: bool) -> int:
    """The work tree first, then the branch: interrupted in between, it can be done again."""
    files = 0
    if checked_out:
        parser = SnapshotParser()
        files = update_work_tree(
            str(repository.root),
            _manifest(repository, old, parser) if old else {},
            _manifest(repository, head, parser),
            repository.read_object,
        )
    repository.write_branch(branch, head)
    return files


def _manifest(repository: Repository, commit_id: CommitId, parser: SnapshotParser) -> Mapping[str, ObjectId]:
    return repository.read_snapshot(repository.read_commit(commit_id).snapshot_id, parser).manifest
