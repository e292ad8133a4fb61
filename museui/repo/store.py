"""Commits, snapshots and objects of one repository: found, read, checked, written.

Paths are plain strings and files are read with one system call: a push comes through here once for every object.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Any

from ..core.errors import Integrity
from ..core.hashing import check_object
from ..core.ids import EMPTY_OBJECT, CommitId, ObjectId, SnapshotId, is_hex_id, qualified
from ..core.records import Commit, Snapshot, SnapshotParser
from .files import disk_error, kind_of_file, list_names, read_file
from .group import FileGroup
from .records import (
    MAX_RECORD_BYTES,
    decode_commit,
    decode_snapshot,
    decode_snapshot_record,
    encode_record,
    encode_snapshot,
)

COPY_BYTES = 1 << 20
_END_BYTES = 16


class Store:
    """The immutable part of ``.muse``: what is there never changes, so it may be read while others write."""

    __slots__ = ("_commits", "_objects", "_snapshots")

    def __init__(self, muse: str) -> None:
        self._commits = f"{muse}/commits/"
        self._snapshots = f"{muse}/snapshots/"
        self._objects = f"{muse}/objects/"

    def commit_path(self, commit_id: CommitId) -> str:
        """The file of a commit, there or not."""
        return f"{self._commits}{commit_id}.json"

    def snapshot_path(self, snapshot_id: SnapshotId) -> str:
        """The file of a snapshot, there or not."""
        return f"{self._snapshots}{snapshot_id}.json"

    def object_path(self, object_id: ObjectId) -> str:
        """The file of an object, there or not."""
        return f"{self._objects}{object_id[:2]}/{object_id[2:]}"

    def has_commit(self, commit_id: CommitId) -> bool:
        """Return whether the commit's file is there and not cut short; :meth:`reads_commit` knows more."""
        return _is_whole(self.commit_path(commit_id))

    def has_snapshot(self, snapshot_id: SnapshotId) -> bool:
        """Return whether the snapshot's file is there and not cut short; :meth:`reads_snapshot` knows more."""
        return _is_whole(self.snapshot_path(snapshot_id))

    def has_object(self, object_id: ObjectId) -> bool:
        """Return whether the object can be read: its file is there, or it is the empty one, which needs none."""
        return object_id == EMPTY_OBJECT or self.keeps_object(object_id)

    def keeps_object(self, object_id: ObjectId, size_bytes: int | None = None) -> bool:
        """Return whether the object's file is there, of ``size_bytes`` where they are known, and not emptied."""
        try:
            status = os.lstat(self.object_path(object_id))
        except OSError:
            return False
        if not stat.S_ISREG(status.st_mode):
            return False
        if size_bytes is not None:
            return status.st_size == size_bytes
        return status.st_size > 0 or object_id == EMPTY_OBJECT

    def object_size(self, object_id: ObjectId) -> int:
        """The length of the object's file in bytes. Raises :class:`OSError`."""
        return 0 if object_id == EMPTY_OBJECT else os.stat(self.object_path(object_id)).st_size

    def read_commit(self, commit_id: CommitId) -> Commit:
        """The commit, its id checked. Raises :class:`Integrity` naming it when it is missing or damaged."""
        path = self.commit_path(commit_id)
        try:
            content = read_file(path, MAX_RECORD_BYTES)
        except FileNotFoundError:
            raise _missing("commit", commit_id) from None
        return decode_commit(content, commit_id, path)

    def read_snapshot(self, snapshot_id: SnapshotId, parser: SnapshotParser) -> Snapshot:
        """The snapshot, its id checked. Raises :class:`Integrity` naming it when it is missing or damaged.

        ``parser`` is to be shared by all snapshots of one walk.
        """
        content, path = self.read_snapshot_file(snapshot_id)
        return decode_snapshot(content, snapshot_id, path, parser)

    def parse_snapshot_file(self, content: bytes, snapshot_id: SnapshotId, path: str) -> dict[str, Any]:
        """The record in ``content``, for someone who passes it on to be checked: fields, with a manifest.

        Raises :class:`Integrity` when it is no such record.
        """
        record = decode_snapshot_record(content, path)
        if record.get("snapshot_id") not in (snapshot_id, qualified(snapshot_id)):
            raise Integrity(f"{path} holds another snapshot", details={"path": path, "rule": "snapshot_id"})
        if not isinstance(record.get("manifest"), dict):
            raise Integrity(f"{path} is damaged: manifest is missing or not a map", details={"path": path})
        return record

    def read_snapshot_file(self, snapshot_id: SnapshotId) -> tuple[bytes, str]:
        """The bytes of the snapshot's file, and its path. Raises :class:`Integrity` when it is missing."""
        path = self.snapshot_path(snapshot_id)
        try:
            return read_file(path, MAX_RECORD_BYTES), path
        except FileNotFoundError:
            raise _missing("snapshot", snapshot_id) from None

    def read_object(self, object_id: ObjectId) -> Iterator[bytes]:
        """The object's bytes, 1 MiB at a time. Raises :class:`Integrity` when it is missing, or at the end when
        what was read does not match the id.
        """
        if object_id == EMPTY_OBJECT:
            return
        path = self.object_path(object_id)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise _missing("object", object_id) from None
        except OSError as exc:
            raise disk_error(exc, f"cannot read {path}") from exc
        digest = hashlib.sha256()
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise Integrity(f"object {object_id} is {kind_of_file(mode)}, not a file", details={"path": path})
            while piece := os.read(descriptor, COPY_BYTES):
                digest.update(piece)
                yield piece
        except OSError as exc:
            raise disk_error(exc, f"cannot read {path}") from exc
        finally:
            os.close(descriptor)
        if digest.hexdigest() != object_id:
            raise Integrity(
                f"object {object_id} is damaged: its bytes hash to {digest.hexdigest()[:12]}…",
                details={"object_id": object_id, "rule": "object_id", "path": path},
            )

    def write_commit(self, commit: Commit, group: FileGroup) -> None:
        """Add the commit's file to ``group``, unless an undamaged one is there: a record is never written over."""
        self.write_commit_record(commit.id, encode_record(commit.fields), group)

    def write_commit_record(self, commit_id: CommitId, record: bytes, group: FileGroup) -> None:
        """Do :meth:`write_commit` with a record as it is to be in the file."""
        path = self.commit_path(commit_id)
        if path in group or self.reads_commit(commit_id):
            return
        group.add(path, (record,))

    def reads_commit(self, commit_id: CommitId) -> bool:
        """Return whether the commit is there and undamaged: its file is read and its id checked."""
        try:
            self.read_commit(commit_id)
        except Integrity:
            return False
        return True

    def write_snapshot(self, snapshot: Snapshot, group: FileGroup) -> None:
        """Add the snapshot's file to ``group``, unless an undamaged one is there."""
        path = self.snapshot_path(snapshot.id)
        if path in group or self.reads_snapshot(snapshot.id):
            return
        group.add(path, (encode_snapshot(snapshot),))

    def reads_snapshot(self, snapshot_id: SnapshotId) -> bool:
        """Return whether the snapshot is there and undamaged: its file is read and its id checked."""
        try:
            self.read_snapshot(snapshot_id, SnapshotParser())
        except Integrity:
            return False
        return True

    def write_object(self, object_id: ObjectId, pieces: Iterable[bytes], group: FileGroup) -> None:
        """Add the object's file to ``group``. Raises :class:`Integrity` when ``pieces`` do not hash to its id."""
        group.add(self.object_path(object_id), _checked(object_id, pieces))

    def commit_ids(self) -> Iterator[CommitId]:
        """Every commit that has a file, in no order."""
        return (CommitId(name) for name in _record_names(self._commits))

    def snapshot_ids(self) -> Iterator[SnapshotId]:
        """Every snapshot that has a file, in no order."""
        return (SnapshotId(name) for name in _record_names(self._snapshots))

    def object_ids(self) -> Iterator[ObjectId]:
        """Every object that has a file, in no order."""
        for folder in list_names(self._objects):
            if len(folder) == 2:
                for name in list_names(self._objects + folder):
                    if is_hex_id(folder + name):
                        yield ObjectId(folder + name)


def _is_whole(path: str) -> bool:
    """Return whether a record's file is there and ends as a record does. Reads its last bytes alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        return stat.S_ISREG(status.st_mode) and os.pread(
            descriptor, _END_BYTES, max(0, status.st_size - _END_BYTES)
        ).rstrip().endswith(b"}")
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _checked(object_id: ObjectId, pieces: Iterable[bytes]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    check_object(object_id, digest.hexdigest())


def _record_names(folder: str) -> Iterator[str]:
    for name in list_names(folder):
        if name.endswith(".json") and is_hex_id(name[:-5]):
            yield name[:-5]


def _missing(kind: str, item: str) -> Integrity:
    return Integrity(
        f"{kind} {item} is missing from this repository",
        hint="'museui verify' lists everything that is missing; a fetch from a hub that has it brings it back.",
        details={f"{kind}_id": item, "rule": "missing"},
    )
