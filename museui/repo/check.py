"""Checking a repository: every ref, record, object and signature, and whether the work tree is whole; all faults are
found, not only the first.

What no branch, tag or HEAD needs is checked against its id too, but may be incomplete: an interrupted fetch leaves
such things, and they harm nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..core.errors import MuseError
from ..core.ids import CommitId, ObjectId, SnapshotId
from ..core.records import SnapshotParser
from ..core.signatures import verify_commit
from .repository import Repository
from .tags import read_tag, tag_paths
from .unfinished import NOTE, find_unfinished


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: what kind of thing, which (an id, a name or a path), and why.

    ``needed``: whether a branch, a tag or HEAD may lead to it.
    """

    kind: str
    item: str
    code: str
    message: str
    needed: bool = True


@dataclass(slots=True)
class Report:
    """What was looked at and what was wrong with it."""

    refs: int = 0
    tags: int = 0
    commits: int = 0
    snapshots: int = 0
    objects: int = 0
    object_bytes: int = 0
    signatures: dict[str, int] = field(default_factory=lambda: {"valid": 0, "unsigned": 0, "unverifiable": 0})
    faults: list[Fault] = field(default_factory=list)


def check_repository(repository: Repository) -> Report:
    """Look at all of it. Raises nothing about the repository's content: that is in the report."""
    return _Check(repository).run()


class _Check:
    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._store = repository.store
        self._report = Report()
        self._parents: dict[CommitId, tuple[CommitId, ...]] = {}
        self._snapshot_of: dict[CommitId, SnapshotId] = {}
        self._objects: set[ObjectId] = set()
        self._told: set[str] = set()
        self._reached: set[str] = set()

    def run(self) -> Report:
        self._check_config()
        self._check_unfinished()
        roots = list(self._check_refs()) + list(self._check_tags())
        for commit_id in sorted(self._store.commit_ids()):
            self._check_commit(commit_id)
        needed = self._walk(roots)
        for object_id in sorted(self._store.object_ids()):
            self._check_object(object_id)
        parser = SnapshotParser()
        for snapshot_id in sorted(needed.keys() | set(self._store.snapshot_ids())):
            self._check_snapshot(snapshot_id, parser, needed.get(snapshot_id))
        self._reached.update(needed)
        self._report.faults = [replace(fault, needed=self._is_needed(fault)) for fault in self._report.faults]
        return self._report

    def _is_needed(self, fault: Fault) -> bool:
        """Whether it is needed; an object may be as long as a snapshot that is cannot be read."""
        if fault.kind not in ("commit", "snapshot", "object") or fault.item in self._reached:
            return True
        lost = (item.item for item in self._report.faults if item.kind in ("commit", "snapshot"))
        return fault.kind == "object" and any(item in self._reached for item in lost)

    def _fault(self, kind: str, item: str, code: str, message: str) -> None:
        if item not in self._told:
            self._told.add(item)
            self._report.faults.append(Fault(kind, item, code, message))

    def _check_config(self) -> None:
        path = self._repository.config_path
        try:
            faults = self._repository.remotes().faults
        except MuseError as exc:
            self._fault("config", path, exc.code, exc.message)
        else:
            for name, fault in faults.items():
                self._fault("config", f"{path}: {name}", fault.code, fault.message)

    def _check_unfinished(self) -> None:
        try:
            for error in find_unfinished(self._repository):
                self._fault(
                    "unfinished", f"{self._repository.muse}/{NOTE}", error.code, f"{error.message}. {error.hint}"
                )
        except MuseError as exc:
            self._fault("unfinished", f"{self._repository.muse}/{NOTE}", exc.code, exc.message)

    def _check_refs(self) -> Iterator[tuple[CommitId, str]]:
        """The commits HEAD and the branches point at, each with the words for whoever needs it."""
        refs = self._repository.refs
        try:
            head = refs.read_head()
        except MuseError as exc:
            self._fault("ref", "HEAD", exc.code, exc.message)
        else:
            if head.commit_id:
                yield head.commit_id, "HEAD"
        branches = self._repository.branches()
        self._report.refs = len(branches) + len(branches.unborn)
        for fault in branches.faults:
            name = str(fault.details.get("branch", fault.message))
            self._report.refs += name not in branches.unborn
            self._fault("ref", name, fault.code, fault.message)
        for name, branch_head in branches.items():
            yield branch_head, f"branch {name}"
        try:
            remotes = refs.remote_names()
        except MuseError as exc:
            self._fault("tracking", f"{self._repository.muse}/remotes", exc.code, exc.message)
            return
        for remote in remotes:
            self._check_tracking(remote)

    def _check_tracking(self, remote: str) -> None:
        refs = self._repository.refs
        try:
            names = refs.tracking_names(remote)
        except MuseError as exc:
            self._fault("tracking", remote, exc.code, exc.message)
            return
        for name in names:
            try:
                found = refs.read_tracking(remote, name)
            except MuseError as exc:
                self._fault("tracking", f"{remote}/{name}", exc.code, exc.message)
            else:
                if not found:
                    message = f"what {remote} was seen to have as {name} is empty; a fetch notes it anew"
                    self._fault("tracking", f"{remote}/{name}", "integrity", message)

    def _check_tags(self) -> Iterator[tuple[CommitId, str]]:
        for path in tag_paths(str(self._repository.muse)):
            try:
                tag = read_tag(path)
            except MuseError as exc:
                self._fault("tag", path, exc.code, exc.message)
                continue
            if tag:
                self._report.tags += 1
                yield tag.commit_id, f"tag {tag.name}"

    def _check_commit(self, commit_id: CommitId) -> bool:
        try:
            commit = self._store.read_commit(commit_id)
        except MuseError as exc:
            self._fault("commit", commit_id, exc.code, exc.message)
            return False
        self._report.commits += 1
        self._parents[commit_id] = commit.parents
        self._snapshot_of[commit_id] = commit.snapshot_id
        try:
            self._report.signatures[verify_commit(commit.fields)] += 1
        except MuseError as exc:
            self._fault("signature", commit_id, exc.code, exc.message)
        return True

    def _walk(self, roots: list[tuple[CommitId, str]]) -> dict[SnapshotId, str]:
        """The snapshots of everything reachable, each with the words for the commit that needs it."""
        needed: dict[SnapshotId, str] = {}
        stack = list(reversed(roots))
        seen: set[CommitId] = set()
        while stack:
            commit_id, needed_by = stack.pop()
            if commit_id in seen:
                continue
            seen.add(commit_id)
            self._reached.add(commit_id)
            if commit_id not in self._parents and not self._check_late(commit_id, needed_by):
                continue
            needed.setdefault(self._snapshot_of[commit_id], f"commit {commit_id}")
            stack.extend((parent, f"commit {commit_id}") for parent in reversed(self._parents[commit_id]))
        return needed

    def _check_late(self, commit_id: CommitId, needed_by: str) -> bool:
        """A commit that was not there when the commits were listed: just written, or missing."""
        if self._store.has_commit(commit_id):
            return self._check_commit(commit_id)
        self._fault("commit", commit_id, "integrity", f"commit {commit_id} is missing; {needed_by} needs it")
        return False

    def _check_object(self, object_id: ObjectId) -> None:
        self._objects.add(object_id)
        try:
            for piece in self._store.read_object(object_id):
                self._report.object_bytes += len(piece)
        except MuseError as exc:
            self._fault("object", object_id, exc.code, exc.message)
        else:
            self._report.objects += 1

    def _check_snapshot(self, snapshot_id: SnapshotId, parser: SnapshotParser, needed_by: str | None) -> None:
        try:
            snapshot = self._store.read_snapshot(snapshot_id, parser)
        except MuseError as exc:
            missing = f"snapshot {snapshot_id} is missing; {needed_by} needs it"
            is_missing = needed_by and exc.details.get("rule") == "missing"
            self._fault("snapshot", snapshot_id, exc.code, missing if is_missing else exc.message)
            return
        self._report.snapshots += 1
        if not needed_by:
            return
        self._reached.update(snapshot.manifest.values())
        for path, object_id in snapshot.manifest.items():
            if object_id in self._objects:
                continue
            if self._store.has_object(object_id):
                self._check_object(object_id)
            else:
                message = f"object {object_id} is missing; snapshot {snapshot_id} needs it as {path!r}"
                self._fault("object", object_id, "integrity", message)
