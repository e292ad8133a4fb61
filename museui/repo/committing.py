"""A commit of the work tree, in the Muse format.

Objects first, then the snapshot, then the commit, then the branch: whoever sees one of them can read all it needs,
and a power cut at any moment leaves the branch where it was or where it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..core.errors import Busy, Usage
from ..core.failpoints import failpoint
from ..core.ids import CommitId, ObjectId, hash_commit, hash_snapshot
from ..core.records import Commit, Snapshot, parse_commit
from ..core.signatures import sign_commit
from .emptied import Emptied
from .heal import finish_first_commit
from .keys import SigningKey
from .moving import Finished, finish_move
from .refs import Head
from .repository import Repository
from .scan import Recorded, read_recorded, scan_work_tree
from .unrecordable import Unrecordable

UNSIGNED_VERSION = 5
SIGNED_VERSION = 7


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: the commit (``None``: nothing had changed) and the files that were added, changed, removed.

    ``left_out`` are links and special files, with what they are, ``excluded`` what built-in rules leave out, with the
    rule; ``unrecordable`` files should be recorded and cannot be. ``emptied``: recorded files that hold nothing now.
    ``finished``: what came of a pull that was cut off.
    """

    commit: Commit | None
    branch: str | None
    files: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    excluded: tuple[tuple[str, str], ...]
    unrecordable: tuple[Unrecordable, ...]
    emptied: Emptied
    finished: Finished | None = None


def commit_work_tree(
    repository: Repository,
    message: str,
    *,
    author: str,
    now: datetime,
    key: SigningKey | None = None,
    allow_empty: bool = False,
    by_itself: bool = False,
    about_to_move: Callable[[], object] = lambda: None,
) -> Taken:
    """Record the work tree on the branch that is checked out, signed when there is a ``key``.

    A pull that was cut off is finished, or undone, before; so is a first commit whose branch was not written any more.
    ``about_to_move`` is called when all is written but the branch.

    A file that cannot be recorded keeps no other from it; it stays as it is recorded, and is named.

    Raises :class:`Usage` for a bare repository, an empty message or text no record can hold, :class:`TooLarge` for more
    files than a snapshot may have, :class:`Integrity` when nobody asked for it (``by_itself``) and a mass of files is
    suddenly empty or gone, :class:`Unavailable` where the files are a mixture that can be neither finished nor undone,
    and what writing raises.
    """
    if not message.strip():
        raise Usage("the message is empty", hint="-m 'what changed and why'")
    _check_text(message, "the message")
    _check_text(author, "the author's name")
    if repository.bare:
        raise Usage("this repository is bare: it has no work tree to commit")
    with repository.lock():
        finished = finish_move(repository)
        finish_first_commit(repository)
        recorded = read_recorded(repository)
        with repository.group() as group:
            scan = scan_work_tree(repository, recorded.manifest, group)
            if by_itself and (emptied := scan.emptied.error()):
                raise emptied
            if too_large := scan.too_large():
                raise too_large
        failpoint("snapshot.objects_written")
        commit = None
        if allow_empty or scan.differs:
            manifest = scan.contents.manifest
            commit = write_commit(repository, recorded, manifest, message, author, now, key, about_to_move)
    return Taken(
        commit,
        recorded.head.branch,
        len(scan.contents.manifest),
        scan.added,
        scan.changed,
        scan.removed,
        scan.tree.left_out,
        scan.tree.excluded,
        scan.contents.unrecordable,
        scan.emptied,
        finished,
    )


def write_commit(
    repository: Repository,
    recorded: Recorded,
    manifest: Mapping[str, ObjectId],
    message: str,
    author: str,
    now: datetime,
    key: SigningKey | None,
    about_to_move: Callable[[], object] = lambda: None,
) -> Commit:
    """Commit ``manifest``, whose objects are there, after what is ``recorded``. The repository is locked.

    Raises :class:`Busy` when another program has moved the branch since.
    """
    snapshot = new_snapshot(manifest, now)
    commit = new_commit(repository.repo_id, recorded.head, recorded.commit, snapshot, message, author, now, key)
    repository.write_snapshot(snapshot)
    repository.write_commit(commit)
    failpoint("snapshot.commit_written")
    _move(repository, recorded.head, recorded.commit.id if recorded.commit else None, commit, about_to_move)
    failpoint("snapshot.branch_written")
    return commit


def _move(
    repository: Repository,
    head: Head,
    parent_id: CommitId | None,
    commit: Commit,
    about_to_move: Callable[[], object],
) -> None:
    if repository.read_head() != head or (head.branch and repository.refs.read_branch(head.branch) != parent_id):
        raise Busy("another program moved the branch meanwhile", hint="Look at 'museui log', then try again.")
    about_to_move()
    if head.branch:
        repository.write_branch(head.branch, commit.id)
    else:
        repository.write_head(Head(None, commit.id))


def _check_text(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise Usage(f"{what} is not valid UTF-8: {text!r:.80}") from exc
    if "\0" in text:
        raise Usage(f"{what} holds a NUL: {text!r:.80}")


def new_snapshot(manifest: Mapping[str, ObjectId], now: datetime) -> Snapshot:
    """The snapshot of a manifest."""
    snapshot_id = hash_snapshot(manifest)
    fields = {"snapshot_id": snapshot_id, "manifest": None, "created_at": now.isoformat()}
    return Snapshot(snapshot_id, manifest, fields)


def new_commit(
    repo_id: str,
    head: Head,
    parent: Commit | None,
    snapshot: Snapshot,
    message: str,
    author: str,
    now: datetime,
    key: SigningKey | None,
) -> Commit:
    """The commit record: the fields of ``format_version`` 5, or of 7 when there is a key to sign it with."""
    parents = [parent.id] if parent else []
    committed_at = now.isoformat()
    fields: dict[str, Any] = {
        "commit_id": hash_commit(parents, snapshot.id, message, committed_at),
        "repo_id": repo_id,
        "branch": head.branch or "",
        "snapshot_id": snapshot.id,
        "message": message,
        "committed_at": committed_at,
        "parent_commit_id": parents[0] if parents else None,
        "parent2_commit_id": None,
        "author": author,
        "metadata": {},
        "structured_delta": None,
        "sem_ver_bump": "none",
        "breaking_changes": [],
        "agent_id": "",
        "model_id": "",
        "toolchain_id": "",
        "prompt_hash": "",
        "signature": "",
        "signer_key_id": "",
        "format_version": UNSIGNED_VERSION,
        "reviewed_by": [],
        "test_runs": 0,
    }
    if key:
        fields = sign_commit({**fields, "format_version": SIGNED_VERSION}, key.private)
    return parse_commit(fields)
