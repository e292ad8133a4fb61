"""The content of a work tree's files: their ids, and their bytes as objects.

A file that changes while it is read is read again.  One that cannot be read is named, keeps the version that is
recorded, and keeps no other file from being read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..core.errors import Integrity
from ..core.ids import EMPTY_OBJECT, ObjectId, hash_object
from .group import FileGroup
from .stat_cache import StatCache
from .store import COPY_BYTES, Store
from .unrecordable import ACCESS_HINT, UNTRACK_HINT, Unrecordable, readable, rule_of
from .worktree import Stamp, WorkTree, stamp_of

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_WHOLE_BYTES = 8 << 20
"""Files up to this size are read once and kept; larger ones are read twice, first to know their id."""
_ATTEMPTS = 4
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Contents:
    """``manifest``: path → object id, as it would be recorded. ``blank``: files that are empty or hold NULs alone.

    ``unrecordable``: what :class:`WorkTree` names, and what could not be read. ``damaged``: unchanged files whose
    objects are not there, or of another size; none when objects were to be stored, since these are written anew.
    """

    manifest: Mapping[str, ObjectId]
    blank: frozenset[str]
    unrecordable: tuple[Unrecordable, ...]
    damaged: Mapping[str, ObjectId] = field(default_factory=dict)


def read_contents(
    tree: WorkTree,
    recorded: Mapping[str, ObjectId],
    store: Store,
    group: FileGroup | None,
    cache: StatCache,
) -> Contents:
    """Read every file of ``tree`` that ``cache`` does not know.

    Objects that the store lacks are added to ``group``; without one nothing is stored. A file that has gone since is
    left out. Raises what writing raises.
    """
    reader = _Reader(store, group)
    manifest: dict[str, ObjectId] = {}
    blank: set[str] = set()
    unrecordable = list(tree.unrecordable)
    damaged: dict[str, ObjectId] = {}
    for path, stamp in tree.files.items():
        size_bytes = stamp.size
        object_id = cache.find(path, stamp)
        if object_id is None or (group is not None and not reader.is_stored(object_id, stamp.size)):
            try:
                found = reader.read(f"{tree.root}/{path}")
            except _Unreadable as exc:
                unrecordable.append(exc.named(path))
                if path in recorded:
                    manifest[path] = recorded[path]
                continue
            if found is None:
                continue
            object_id, size_bytes = found.object_id, found.stamp.size
            if found.is_blank:
                blank.add(path)
            if not found.is_blank or object_id == EMPTY_OBJECT:
                cache.learn(path, found.stamp, object_id)
        elif object_id == EMPTY_OBJECT:
            blank.add(path)
        manifest[path] = object_id
        is_recorded = size_bytes > 0 and recorded.get(path) == object_id
        if group is None and is_recorded and not store.keeps_object(object_id, size_bytes):
            damaged[path] = object_id
    manifest.update({path: recorded[path] for path in tree.kept})
    ordered = {path: manifest[path] for path in sorted(manifest)}
    return Contents(ordered, frozenset(blank), tuple(sorted(unrecordable, key=lambda item: item.path)), damaged)


class _Unreadable(Exception):
    def __init__(self, rule: str, hint: str, *, passing: bool = False) -> None:
        super().__init__(rule)
        self.rule, self.hint, self.passing = rule, hint, passing

    def named(self, path: str) -> Unrecordable:
        return Unrecordable(readable(path), self.rule, self.hint, self.passing)


@dataclass(frozen=True, slots=True)
class _Read:
    object_id: ObjectId
    stamp: Stamp
    is_blank: bool


class _Reader:
    def __init__(self, store: Store, group: FileGroup | None) -> None:
        self._store = store
        self._group = group

    def is_stored(self, object_id: ObjectId, size_bytes: int) -> bool:
        if self._group is not None and self._store.object_path(object_id) in self._group:
            return True
        return self._store.keeps_object(object_id, size_bytes)

    def read(self, full: str) -> _Read | None:
        """Return what a file holds, ``None`` when it has gone. Raises :class:`_Unreadable`."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_S)
            try:
                descriptor = os.open(full, _OPEN)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as exc:
                if exc.errno in (errno.ELOOP, errno.ENXIO):
                    raise _Unreadable("a link or a special file stands where the file was", UNTRACK_HINT) from exc
                raise _Unreadable(rule_of(exc), ACCESS_HINT) from exc
            try:
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):
                    return None
                if found := self._read_open(descriptor, before):
                    return found
            except OSError as exc:
                raise _Unreadable(rule_of(exc), ACCESS_HINT) from exc
            finally:
                os.close(descriptor)
        hint = "Take a snapshot again when the program that writes it is done."
        raise _Unreadable("it changes while it is read", hint, passing=True)

    def _read_open(self, descriptor: int, before: os.stat_result) -> _Read | None:
        """Return what the open file holds, stored; ``None`` when it changed meanwhile."""
        content = b""
        if before.st_size <= _WHOLE_BYTES:
            content = b"".join(_pieces(descriptor, before.st_size + 1))
            object_id, is_blank = hash_object(content), not content.strip(b"\0")
            if len(content) != before.st_size:
                return None
        else:
            digest, is_blank = hashlib.sha256(), True
            for piece in _pieces(descriptor, before.st_size + 1):
                digest.update(piece)
                is_blank = is_blank and not piece.strip(b"\0")
            object_id = ObjectId(digest.hexdigest())
        if _changed(before, os.fstat(descriptor)):
            return None
        found = _Read(object_id, stamp_of(before), is_blank)
        if self._group is None or self.is_stored(object_id, before.st_size):
            return found
        if before.st_size <= _WHOLE_BYTES:
            self._store.write_object(object_id, (content,), self._group)
            return found
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            self._store.write_object(object_id, _pieces(descriptor, before.st_size + 1), self._group)
        except Integrity:
            return None
        return found


def _pieces(descriptor: int, limit: int) -> Iterator[bytes]:
    while limit > 0 and (piece := os.read(descriptor, min(limit, COPY_BYTES))):
        limit -= len(piece)
        yield piece


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
