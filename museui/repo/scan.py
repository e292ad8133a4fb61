"""The work tree against what is recorded of it: what a snapshot taken now would record, and what it could not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..core.errors import MuseError, TooLarge
from ..core.ids import ObjectId
from ..core.limits import Limits
from ..core.records import Commit, SnapshotParser
from .contents import Contents, read_contents
from .emptied import Emptied, find_emptied
from .group import FileGroup
from .health import damaged_object
from .ignore import read_ignore_rules
from .refs import Head
from .repository import Repository
from .stat_cache import StatCache
from .unrecordable import unrecordable_error
from .worktree import WorkTree, read_work_tree

_ENTRY_BYTES = 76
"""Maximum of bytes that an entry of a snapshot's record has beside its path."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The commit and files that are checked out: ``commit`` is ``None`` before the first one."""

    head: Head
    commit: Commit | None
    manifest: Mapping[str, ObjectId]


@dataclass(frozen=True)
class Scan:
    """The work tree (``tree``), what is in its files (``contents``), and what is recorded of them."""

    recorded: Mapping[str, ObjectId]
    tree: WorkTree
    contents: Contents

    @property
    def differs(self) -> bool:
        """Whether a snapshot would record anything new."""
        return self.contents.manifest != self.recorded

    @cached_property
    def added(self) -> tuple[str, ...]:
        """Return the files that are not recorded yet."""
        return tuple(path for path in self.contents.manifest if path not in self.recorded)

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """Return the files that hold something else than is recorded."""
        recorded, now = self.recorded, self.contents.manifest
        return tuple(path for path in now if path in recorded and now[path] != recorded[path])

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """Return the files that are recorded and not there."""
        return tuple(path for path in self.recorded if path not in self.contents.manifest)

    @cached_property
    def emptied(self) -> Emptied:
        """Return the recorded files that hold nothing now."""
        return find_emptied(self.recorded, self.contents)

    def too_large(self) -> TooLarge | None:
        """Return why no snapshot can hold all of it: it would be in the record for ever, and no hub would take it."""
        manifest, limits = self.contents.manifest, Limits()
        hint = "Leave some out with patterns in .museignore, or split the repository."
        if len(manifest) > limits.max_manifest_entries:
            count, most = len(manifest), limits.max_manifest_entries
            return TooLarge(f"the work tree has {count:,} files, a snapshot has at most {most:,}", hint=hint)
        size = sum(map(len, map(str.encode, manifest))) + _ENTRY_BYTES * len(manifest)
        if size > limits.max_record_bytes:
            most = limits.max_record_bytes
            return TooLarge(f"the record of these files takes {size:,} bytes, a hub takes at most {most:,}", hint=hint)
        return None

    def reasons(self) -> list[MuseError]:
        """Return why the work tree is not safe, whatever the branches are."""
        found = [unrecordable_error(self.contents.unrecordable), self.too_large()]
        found += [damaged_object(object_id, path) for path, object_id in self.contents.damaged.items()]
        return [error for error in found if error]


def read_recorded(repository: Repository) -> Recorded:
    """Return what is checked out. Raises :class:`Integrity` when it cannot be read."""
    head = repository.read_head()
    commit_id = repository.read_branch(head.branch) if head.branch else head.commit_id
    commit = repository.read_commit(commit_id) if commit_id else None
    manifest = repository.read_snapshot(commit.snapshot_id, SnapshotParser()).manifest if commit else {}
    return Recorded(head, commit, manifest)


def scan_work_tree(repository: Repository, recorded: Mapping[str, ObjectId], group: FileGroup | None = None) -> Scan:
    """Look at the work tree; only files that may have changed since they were last read are read.

    With a ``group`` the objects that the repository lacks are added to it. Raises :class:`Usage` for ignore rules that
    make no sense, our errors when the folder cannot be listed, and what writing raises.
    """
    root = str(repository.root)
    tree = read_work_tree(root, read_ignore_rules(root, repository.domain), recorded)
    cache = StatCache(str(repository.muse))
    contents = read_contents(tree, recorded, repository.store, group, cache)
    cache.write()
    return Scan(recorded, tree, contents)
