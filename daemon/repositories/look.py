"""A look at one repository: whether it is there and the one it was, and how its branches stand to the hub."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from museui.core.errors import Denied, Integrity, MuseError, NotFound, Unavailable, Usage
from museui.core.ids import CommitId
from museui.hub.url import parse_repository_url
from museui.local.messages import Trouble, trouble_of
from museui.repo.config import Remote
from museui.repo.moving import finish_move
from museui.repo.reasons import find_reasons
from museui.repo.remotes import choose_remote, name_remote
from museui.repo.repository import Repository
from museui.repo.sightings import Sighting, read_known, read_sightings
from museui.repo.standing import BranchState, compare_state
from museui.repo.unfinished import is_noted
from museui.settings.config import Watched
from museui.settings.tokens import note_named_hub

from ..watch.folders import find_folders

logger = logging.getLogger("daemon.watch")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found. ``word``: ``missing``, ``unreadable``, ``damaged``, ``no_remote``, empty when all is well.

    ``remote`` is the key of queue entries: the remote's name, or its URL when it has none. ``unsafe``: there is a
    reason, which ``trouble`` has, why it is not safe whatever its branches say.
    """

    word: str = ""
    trouble: Trouble | None = None
    repo_id: str | None = None
    device: int | None = None
    inode: int | None = None
    current_branch: str | None = None
    remote: str | None = None
    url: str | None = None
    branches: tuple[BranchState, ...] = ()
    folders: frozenset[str] = frozenset()
    unsafe: bool = False


_FEW = 20
"""New commits that are counted one by one."""

Sent = Callable[[str, str], Sighting | None]
"""Finds how a branch was last seen at a bare URL: (url, branch) → sighting."""


def look_at(watched: Watched, sent: Sent, former: Mapping[str, BranchState], now: float) -> Seen:
    """Look; blocks while it reads. ``former`` is what the last look found of each branch: what is the same is kept.

    ``now``: the time of day.
    """
    muse = f"{watched.path}/.muse"
    try:
        status = Path(muse).stat()
    except OSError as exc:
        return _absent(watched.path, exc)
    seen = Seen(device=status.st_dev, inode=status.st_ino)
    try:
        return _look_inside(watched, replace(seen, folders=find_folders(muse, None)), sent, former, now)
    except Denied as exc:
        return replace(seen, word="unreadable", trouble=trouble_of(exc))
    except MuseError as exc:
        return replace(seen, word="damaged", trouble=trouble_of(exc), folders=find_folders(muse, None))


def _look_inside(watched: Watched, seen: Seen, sent: Sent, former: Mapping[str, BranchState], now: float) -> Seen:
    muse = f"{watched.path}/.muse"
    repository = Repository.open_at(Path(watched.path))
    _finish(repository)
    seen = replace(seen, repo_id=repository.repo_id, current_branch=_current_branch(repository))
    try:
        remote = find_remote(repository, watched.remote)
    except Usage as exc:
        folders = find_folders(muse, None)
        return replace(seen, word="no_remote", trouble=trouble_of(exc), folders=folders)
    if remote.name == remote.url:  # only the configuration has it: everybody reads [remotes]
        note_named_hub(parse_repository_url(remote.url).base)
        with suppress(MuseError):
            remote = replace(remote, name=name_remote(repository, remote.url))
    named = remote.name != remote.url
    sightings = read_sightings(repository, remote.name) if named else {}
    heads = repository.branches()
    wanted = {branch: head for branch, head in heads.items() if watched.wants(branch)}
    # A head that has moved is not safe yet, and its push must not wait: every file is looked for when it has ended.
    moved = any(branch not in former or former[branch].head != head for branch, head in wanted.items())
    reasons = find_reasons(repository, thorough=not (former and moved))
    no_branch = _no_branch(watched, heads) if heads and not wanted else None
    return replace(
        seen,
        trouble=trouble_of(reasons[0]) if reasons else no_branch,
        unsafe=bool(reasons),
        remote=remote.name,
        url=remote.url,
        branches=tuple(
            _stand(
                repository,
                branch,
                head,
                remote,
                sightings.get(branch) if named else sent(remote.url, branch),
                former.get(branch),
                now,
            )
            for branch, head in wanted.items()
        ),
        folders=find_folders(muse, remote.name if named else None),
    )


def _current_branch(repository: Repository) -> str | None:
    try:
        return repository.current_branch()
    except MuseError:
        return None  # one of the reasons; the branches can be pushed all the same


def _stand(
    repository: Repository,
    branch: str,
    head: CommitId,
    remote: Remote,
    sighting: Sighting | None,
    former: BranchState | None,
    now: float,
) -> BranchState:
    """Return how the branch stands: ``unknown`` where something damaged, which is one of the reasons, is in the way."""
    seen = sighting.head if sighting else None
    if remote.name != remote.url:
        seen = read_known(repository, remote.name, branch)
    try:
        state = _compare(repository, branch, head, remote.name, seen, sighting, former)
    except Integrity:
        state = BranchState(branch, remote.name, "unknown", None, None, head, seen)
    return replace(state, seen_at=sighting.time_of(seen, now) if sighting else None)


def _finish(repository: Repository) -> None:
    """Finish a pull that was cut off, unless its program is still at work; why it cannot be is one of the reasons."""
    if is_noted(repository):
        with suppress(MuseError), repository.lock(0.0):
            if finished := finish_move(repository):
                logger.warning("%s: %s", repository.root, finished.describe())


def _no_branch(watched: Watched, heads: Mapping[str, CommitId]) -> Trouble:
    patterns, there = ", ".join(watched.branches), ", ".join(list(heads)[:_FEW])
    error = NotFound(
        f"no branch here is called {patterns}, so nothing is pushed",
        hint=f"There are: {there}. `museui watch add --branch` says which are to be pushed.",
    )
    return trouble_of(error)


def _compare(
    repository: Repository,
    branch: str,
    head: CommitId,
    remote: str,
    hub_head: CommitId | None,
    sighting: Sighting | None,
    former: BranchState | None,
) -> BranchState:
    """How the branch stands, from how it stood where that will do: who is a thousand ahead is not counted each time."""
    if former and former.ahead is not None and (former.remote, former.hub_head) == (remote, hub_head):
        if former.head == head:
            return former
        if former.state == "ahead":
            steps, commit_id = 0, head
            while commit_id != former.head and steps < _FEW:
                parents = repository.read_commit(commit_id).parents
                if len(parents) != 1:
                    break
                steps, commit_id = steps + 1, parents[0]
            if commit_id == former.head:
                return replace(former, head=head, ahead=former.ahead + steps)
    return compare_state(repository, branch, head, remote, hub_head, sighting)


def find_remote(repository: Repository, wanted: str | None) -> Remote:
    """The remote to push to; one that is a bare URL has it for its name, unless a remote of that URL has one.

    Raises :class:`Usage` when there is none.
    """
    remotes = repository.remotes()
    if wanted and "://" in wanted:
        url = str(parse_repository_url(wanted))
        named = next((remote for remote in remotes.values() if remote.url.rstrip("/") == url), None)
        return named or Remote(url, url)
    remote = choose_remote(remotes, wanted)
    parse_repository_url(remote.url)
    return remote


def _absent(path: str, exc: OSError) -> Seen:
    if exc.errno in (errno.ENOENT, errno.ENOTDIR):
        error: MuseError = NotFound(
            f"{path} is not there: moved, removed, or its disk is not mounted",
            hint="Bring it back, `museui watch add` its new place, or `museui watch remove` it.",
        )
        return Seen("missing", trouble_of(error))
    if exc.errno in (errno.EACCES, errno.EPERM):
        return Seen("unreadable", trouble_of(Denied(f"{path} cannot be read", hint="Look at its owner and mode.")))
    return Seen("unreadable", trouble_of(Unavailable(f"{path} cannot be read: {exc.strerror or exc}")))
