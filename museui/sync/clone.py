"""The way back: a clone, and a pull, which moves a branch and its work tree to what the hub has."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from museui.core.errors import Conflict, MuseError, NonFastForward, NotFound, Usage
from museui.core.failpoints import failpoint
from museui.core.ids import CommitId
from museui.core.wire import Refs
from museui.hub.client import HubClient
from museui.repo.config import Remote
from museui.repo.history import compare_heads
from museui.repo.moving import Finished, finish_move, move_work_tree
from museui.repo.repository import Repository, is_repository
from museui.repo.temporary import sweep_path
from museui.repo.unfinished import (
    NOTE,
    Unfinished,
    encode_unfinished,
    forget_unfinished,
    read_unfinished,
)

from .fetch import FetchResult, OnProgress, fetch
from .threads import run_whole

_DEFAULT_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Cloned:
    """A new clone; ``head`` is ``None`` when the hub's repository is empty.

    ``resumed``: it had been begun before and was cut off.
    """

    repository: Repository
    branch: str
    head: CommitId | None
    fetched: FetchResult
    resumed: bool


@dataclass(frozen=True, slots=True)
class Pulled:
    """Where a branch was and is, and how many files of the work tree changed."""

    branch: str
    old: CommitId | None
    head: CommitId
    files: int
    fetched: FetchResult


def find_clone(root: Path, url: str) -> Unfinished | None:
    """Return the clone of ``url`` that was begun in ``root`` and is unfinished; ``None`` for a folder to begin in.

    What a process that is gone left there is removed. Raises :class:`Usage` when ``root`` is neither.
    """
    if not os.path.lexists(root):
        return None
    if root.is_dir():
        sweep_path(str(root))
        if not any(root.iterdir()):
            return None
        if is_repository(root / ".muse"):
            note = read_unfinished(Repository.open_at(root))
            if note and note.doing == "clone":
                if note.url == url:
                    return note
                raise Usage(
                    f"{root} holds an unfinished clone of {note.url}",
                    hint=f"Finish it (museui clone {note.url} {root}), or name another folder after the URL.",
                )
    raise Usage(f"{root} is there already, and no empty folder", hint="Name another folder after the URL.")


async def clone(
    client: HubClient, root: Path, branch: str | None, on_progress: OnProgress = lambda received_bytes: None
) -> Cloned:
    """Copy the repository that ``client`` talks to into ``root``.

    That folder is empty, or not there, or holds a clone of the same repository that was cut off: then it is finished.
    Checks out ``branch``, or the hub's default branch.  One that fails before it has come to its files leaves nothing.

    Raises :class:`NotFound` for a branch the hub does not have, and what :func:`find_clone` raises.
    """
    url = str(client.url)
    note = await asyncio.to_thread(find_clone, root, url)
    refs = await client.fetch_refs()
    name = branch or (note.branch if note else refs.default_branch) or _DEFAULT_BRANCH
    if branch and branch not in refs.branch_heads:
        raise NotFound(f"the hub has no branch {branch!r}", hint=f"It has: {', '.join(sorted(refs.branch_heads))}.")
    if note:
        if note.branch != name:
            raise Usage(
                f"{root} holds an unfinished clone of the branch {note.branch!r}",
                hint=f"Finish that one first: museui clone {url} {root} --branch {note.branch}",
            )
        repository = await asyncio.to_thread(Repository.open_at, root)
        with repository.lock():
            note = await asyncio.to_thread(find_clone, root, url)  # another process may have finished it
            return await _fill(repository, client, name, note, on_progress, resumed=True)
    repository, made = await asyncio.to_thread(_begin, root, refs, name, url)
    failpoint("clone.made")
    with repository.lock():
        try:
            return await _fill(repository, client, name, None, on_progress, resumed=False)
        except BaseException:
            await asyncio.to_thread(_clear_away, repository, made)
            raise


def _begin(root: Path, refs: Refs, branch: str, url: str) -> tuple[Repository, bool]:
    """Make the repository, which says from its first moment that it is unfinished; whether ``root`` was made, too."""
    made = not root.exists()
    files = {NOTE: encode_unfinished(Unfinished("clone", branch, url=url))}
    try:
        return Repository.init(root, refs.domain, branch, repo_id=refs.repo_id, files=files), made
    except MuseError:
        _remove_empty(root, made)
        raise


async def _fill(
    repository: Repository,
    client: HubClient,
    name: str,
    note: Unfinished | None,
    on_progress: OnProgress,
    *,
    resumed: bool,
) -> Cloned:
    url = str(client.url)
    if "origin" not in repository.remotes():
        repository.set_remote(Remote("origin", url, name))
    failpoint("clone.fetching")
    fetched = await fetch(repository, client, "origin", on_progress=on_progress)
    failpoint("clone.fetched")
    head = fetched.branch_heads.get(name)
    if note and note.new:
        head = note.new  # the files are on their way to this one; the next pull brings what is newer
    if head is None:
        forget_unfinished(repository)
    else:
        move = Unfinished("clone", name, None, head, url)
        try:
            await run_whole(lambda stopped: move_work_tree(repository, move, stopped, forth=bool(note and note.new)))
        except Conflict as exc:
            exc.hint = f"Move it away, then finish the clone: museui clone {url} {repository.root}"
            raise
    return Cloned(repository, name, head, fetched, resumed)


def _clear_away(repository: Repository, made: bool) -> None:
    """Remove a clone that failed, unless some of its files are there: then it stays and says that it is unfinished."""
    note = read_unfinished(repository)
    if note is None or note.new is not None:
        return
    shutil.rmtree(repository.muse, ignore_errors=True)
    _remove_empty(repository.root, made)


def _remove_empty(root: Path, made: bool) -> None:
    if made:
        with suppress(OSError):
            root.rmdir()


async def pull(
    repository: Repository,
    client: HubClient,
    remote: str | None,
    branch: str,
    on_progress: OnProgress = lambda received_bytes: None,
    on_finished: Callable[[Finished], None] = lambda finished: None,
) -> Pulled:
    """Fetch ``branch`` and move it, and the work tree when it is checked out, forward to what the hub has.

    A pull that was cut off is finished first, or undone; ``on_finished`` hears which.

    Raises :class:`NonFastForward` when the branch has commits that the hub lacks, :class:`Conflict` when the work tree
    has changes in the way; then nothing has moved.
    """
    if finished := await run_whole(lambda _: finish_move(repository)):
        on_finished(finished)
    fetched = await fetch(repository, client, remote, [branch], on_progress)
    head = fetched.branch_heads[branch]
    old = repository.read_branch(branch, seen=False)
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
    files = 0
    if checked_out:
        note = Unfinished("pull", branch, old, head)
        files = await run_whole(lambda stopped: move_work_tree(repository, note, stopped))
    else:
        repository.write_branch(branch, head)
    return Pulled(branch, old, head, files, fetched)
