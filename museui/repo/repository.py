"""A Muse repository on disk, as the rest of the program sees it: one object that finds, reads and writes everything.

What things are and how they are spelled is in the modules beside this one; nothing here talks to a network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from ..core.errors import Denied, Integrity, Invalid, MuseError, Usage
from ..core.ids import CommitId, ObjectId, SnapshotId
from ..core.records import Commit, Snapshot, SnapshotParser
from .atomic import remove_file
from .config import Config, Remote, Remotes, read_config, remove_remote, set_remote
from .create import SCHEMA_VERSION, NewRepository, create_repository
from .files import read_file
from .group import FileGroup
from .lock import hold_lock
from .lost import find_loss, read_branches
from .records import Tag, decode_record
from .refs import Branches, Head, Refs
from .store import Store
from .tags import Tags, has_tag, read_tags, write_tag

_MAX_REPO_JSON_BYTES = 1 << 20


class Repository:
    """One repository. Cheap to make; what can change is read anew each time it is asked for."""

    __slots__ = ("config_path", "domain", "muse", "refs", "repo_id", "root", "store")

    def __init__(self, muse: Path, repo_id: str, domain: str) -> None:
        self.muse = muse
        self.root = muse.parent
        self.repo_id = repo_id
        self.domain = domain
        self.config_path = f"{muse}/config.toml"
        self.store = Store(str(muse))
        self.refs = Refs(str(muse))

    @classmethod
    def open(cls, path: Path) -> Repository:
        """The repository ``path`` is in: the nearest ``.muse`` in it or above it.

        Raises :class:`Usage` when there is none, :class:`Denied` when there may be one that cannot be looked into,
        :class:`Integrity` when its ``repo.json`` is missing or damaged.
        """
        start = real_path(path)
        if not start.is_dir():
            raise Usage(f"there is no folder {path}", hint="Look for a slip in its name; -C DIR looks elsewhere.")
        closed: Path | None = None
        for folder in (start, *start.parents):
            muse = folder if folder.name == ".muse" else folder / ".muse"
            if is_repository(muse):
                return cls(muse, *_read_repo_json(f"{muse}/repo.json"))
            if muse.is_dir() and not os.access(muse, os.X_OK):
                closed = closed or muse
        if closed:
            raise Denied(f"cannot look into {closed}: Permission denied", hint="Look at its owner and its mode.")
        raise Usage(
            f"not a Muse repository (nor any folder above it): {path}",
            hint="'museui init' makes one; -C DIR looks elsewhere.",
        )

    @classmethod
    def open_at(cls, path: Path) -> Repository:
        """The repository of the folder ``path`` itself, never one it lies in. Raises what :meth:`open` raises."""
        repository = cls.open(path)
        if repository.root != real_path(path):
            raise Usage(f"{path} is not a Muse repository", hint="'museui init' makes it one.")
        return repository

    @classmethod
    def init(
        cls,
        path: Path,
        domain: str,
        branch: str = "main",
        *,
        bare: bool = False,
        repo_id: str | None = None,
        created_at: str | None = None,
        files: Mapping[str, bytes] | None = None,
        user_name: str = "",
    ) -> Repository:
        """Make a repository in ``path``, a folder that need not exist. Raises :class:`Usage` when it is one already.

        ``repo_id`` and ``created_at`` are given for a copy of a repository that is elsewhere; ``files`` are further
        files of ``.muse``, there from the first moment on; ``user_name`` is the author of its commits.
        """
        root = real_path(path)
        stamp = created_at or datetime.now(UTC).isoformat()
        create_repository(str(root), NewRepository(domain, branch, stamp, bare, repo_id, files or {}, user_name))
        return cls(root / ".muse", *_read_repo_json(f"{root}/.muse/repo.json"))

    def config(self) -> Config:
        """``config.toml`` as it is now. Raises :class:`Usage`."""
        return read_config(self.config_path)

    @property
    def bare(self) -> bool:
        """Whether the repository has no work tree."""
        return self.config().bare

    def remotes(self) -> Remotes:
        """The remotes by name, in the order of the file, with the faults of others. Raises :class:`Usage`."""
        return self.config().remotes

    def set_remote(self, remote: Remote) -> None:
        """Add a remote, or change it. Raises :class:`Usage`, :class:`Invalid`."""
        set_remote(self.config_path, remote)

    def remove_remote(self, name: str) -> None:
        """Take out a remote and forget its branches. Raises :class:`NotFound`."""
        remove_remote(self.config_path, name)
        with suppress(Invalid):  # a name that cannot be one: nothing was ever kept under it
            for branch in self.refs.tracking_names(name):
                self.refs.remove_tracking(name, branch)
            remove_file(f"{self.muse}/seen/{name}.json")

    def lock(self, wait_s: float = 10.0) -> AbstractContextManager[None]:
        """Keep other MuseUI processes from writing here for a block. Raises :class:`Busy` after ``wait_s``."""
        return hold_lock(str(self.muse), wait_s)

    def object_path(self, object_id: ObjectId) -> str:
        """The file of an object, there or not."""
        return self.store.object_path(object_id)

    def has_commit(self, commit_id: CommitId) -> bool:
        """Return whether the commit's file is there and not cut short."""
        return self.store.has_commit(commit_id)

    def has_snapshot(self, snapshot_id: SnapshotId) -> bool:
        """Return whether the snapshot's file is there and not cut short."""
        return self.store.has_snapshot(snapshot_id)

    def has_object(self, object_id: ObjectId) -> bool:
        """Return whether the object's file is there and not emptied."""
        return self.store.has_object(object_id)

    def read_commit(self, commit_id: CommitId) -> Commit:
        """The commit, its id checked. Raises :class:`Integrity` naming it when it is missing or damaged."""
        return self.store.read_commit(commit_id)

    def read_snapshot(self, snapshot_id: SnapshotId, parser: SnapshotParser) -> Snapshot:
        """The snapshot, its id checked; share ``parser`` among the snapshots of one walk. Raises :class:`Integrity`."""
        return self.store.read_snapshot(snapshot_id, parser)

    def read_object(self, object_id: ObjectId) -> Iterator[bytes]:
        """The object's bytes, 1 MiB at a time, its id checked at the end. Raises :class:`Integrity`."""
        return self.store.read_object(object_id)

    def group(self) -> FileGroup:
        """A lot of records and objects to be written together: ``with repository.group() as group: …``."""
        return FileGroup(str(self.muse))

    def _group_or_own(self, group: FileGroup | None) -> AbstractContextManager[FileGroup]:
        return self.group() if group is None else nullcontext(group)

    def write_object(self, object_id: ObjectId, pieces: Iterable[bytes], group: FileGroup | None = None) -> None:
        """Write an object, on the disk when this returns, or when ``group`` ends. Raises :class:`Integrity`."""
        with self._group_or_own(group) as files:
            self.store.write_object(object_id, pieces, files)

    def write_snapshot(self, snapshot: Snapshot, group: FileGroup | None = None) -> None:
        """Write a snapshot's record unless it is there; its objects come first."""
        with self._group_or_own(group) as files:
            self.store.write_snapshot(snapshot, files)

    def write_commit(self, commit: Commit, group: FileGroup | None = None) -> None:
        """Write a commit's record unless it is there; its snapshot and its parents come first."""
        with self._group_or_own(group) as files:
            self.store.write_commit(commit, files)

    def read_head(self) -> Head:
        """What is checked out. Raises :class:`Integrity`."""
        return self.refs.read_head()

    def write_head(self, head: Head | str) -> None:
        """Check out a branch, by name, or a :class:`Head`, as far as ``HEAD`` is concerned."""
        self.refs.write_head(Head(head) if isinstance(head, str) else head)

    def current_branch(self) -> str | None:
        """The branch that is checked out, ``None`` when a commit is. Raises :class:`Integrity`."""
        return self.refs.read_head().branch

    def branches(self) -> Branches:
        """Return branch → head, sorted by name, with a fault for each that cannot be read, named, or lost its head."""
        return read_branches(str(self.muse), self.refs, self.store)

    def read_branch(self, name: str, *, seen: bool = True) -> CommitId | None:
        """Return the head of a branch, ``None`` before its first commit.

        Raises :class:`Integrity` when it is damaged or has lost its head (:func:`find_loss`), :class:`Invalid`.
        """
        head = self.refs.read_branch(name)
        if head or not (os.path.lexists(self.refs.branch_path(name)) or self.read_head().branch == name):
            return head
        if lost := find_loss(str(self.muse), self.refs, self.store, name, seen=seen):
            raise lost
        return None

    def write_branch(self, name: str, commit_id: CommitId) -> None:
        """Point a branch at a commit that is here. Raises :class:`Usage`, :class:`Invalid`."""
        self.refs.write_branch(name, commit_id)

    def read_tracking(self, remote: str, branch: str) -> CommitId | None:
        """The hub's head of ``branch`` as last seen, ``None`` when never seen. Raises :class:`Integrity`."""
        return self.refs.read_tracking(remote, branch)

    def write_tracking(self, remote: str, branch: str, commit_id: CommitId, *, sweep: bool = True) -> None:
        """Note the hub's head of ``branch``."""
        self.refs.write_tracking(remote, branch, commit_id, sweep=sweep)

    def tags(self) -> Tags:
        """Return every tag, with a fault for each file that is damaged."""
        return read_tags(str(self.muse))

    def has_tag(self, tag: Tag) -> bool:
        """Whether there is a tag of this id."""
        return has_tag(str(self.muse), tag)

    def write_tag(self, tag: Tag) -> None:
        """Write a tag's file."""
        write_tag(str(self.muse), tag)


def real_path(path: Path) -> Path:
    """``path`` without links, absolute; one that leads in a circle stays as it is."""
    return Path(os.path.realpath(path))


def is_repository(muse: Path) -> bool:
    """Whether the folder ``muse`` is a repository's ``.muse``: ``~/.muse``, which holds the identity, is not."""
    return muse.is_dir() and any(os.path.lexists(muse / name) for name in ("repo.json", "HEAD", "refs"))


def _read_repo_json(path: str) -> tuple[str, str]:
    try:
        record = decode_record(read_file(path, _MAX_REPO_JSON_BYTES), path)
    except FileNotFoundError:
        raise Integrity(f"{path} is missing", hint=_repo_json_hint(path), details={"path": path}) from None
    except Integrity as exc:
        exc.hint = _repo_json_hint(path)
        raise
    repo_id = record.get("repo_id")
    domain = "" if record.get("domain") is None else record["domain"]
    if not isinstance(repo_id, str) or not repo_id or not isinstance(domain, str):
        message = f"{path} does not hold 'repo_id' and 'domain' as text"
        raise Integrity(message, hint=_repo_json_hint(path), details={"path": path})
    return repo_id, domain


def _repo_json_hint(path: str) -> str:
    """Return what to put into a ``repo.json`` that is damaged: the id stands in every commit, too."""
    store = Store(os.path.dirname(path))
    for commit_id in store.commit_ids():
        with suppress(MuseError):
            if repo_id := store.read_commit(commit_id).fields.get("repo_id"):
                content = json.dumps({"repo_id": repo_id, "schema_version": SCHEMA_VERSION, "domain": "generic"})
                return f"Write it anew, with the domain it was made with: {content}"
    return "It holds the repository's id and its domain. Without a commit there is nothing to lose: move .muse away."
