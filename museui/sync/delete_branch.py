"""A branch is deleted on the hub; here, only what is known of it there changes."""

from __future__ import annotations

import time

from museui.core.errors import NonFastForward, NotFound, Usage
from museui.core.ids import CommitId
from museui.hub.client import HubClient
from museui.repo.repository import Repository
from museui.repo.sightings import note_heads

from .negotiate import check_lease, check_may_write

_CAPABILITY = "delete-branch"


async def delete_branch(
    repository: Repository,
    client: HubClient,
    remote: str | None,
    branch: str,
    *,
    lease: CommitId | None = None,
    force: bool = False,
) -> CommitId:
    """Delete ``branch`` on the hub, where it is when it is asked for and nowhere else; return where it was.

    ``lease``: only if it is there. Without one, or ``force``, its commits have to be here, so that nothing is lost.
    ``remote``: whose branch it is here; ``None``: it has no name.

    Raises :class:`NotFound` when there is no such branch, :class:`NonFastForward` for commits that are not here,
    :class:`StaleLease`, :class:`Usage` for a hub that cannot do it, and what the hub answers.
    """
    refs = await client.fetch_refs(branch)
    head = refs.branch_heads.get(branch)
    if head is None:
        _note_gone(repository, remote, branch)
        raise NotFound(f"the hub has no branch {branch!r}", hint="`museui fetch` shows what it has.")
    check_may_write(client, refs)
    if _CAPABILITY not in refs.capabilities:
        raise Usage("this hub cannot delete branches", hint="Bring the hub up to date.")
    if lease:
        check_lease(branch, lease, head)
    elif not force and not repository.has_commit(head):
        raise NonFastForward(
            f"{branch!r} on the hub is at {head[:12]}, which this repository does not have",
            hint="`museui fetch` brings its commits here first; --force deletes it without them.",
            details={"branch": branch, "head": head},
        )
    await client.delete_branch(branch, head)
    _note_gone(repository, remote, branch)
    return head


def _note_gone(repository: Repository, remote: str | None, branch: str) -> None:
    if remote is not None:
        note_heads(repository, remote, {}, [branch], time.time())
