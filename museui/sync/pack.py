"""Packing: the commits a hub lacks, their snapshots and new objects, as a stream of bytes ready to send."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from museui.core.bundle import FORMAT, ObjectSource, pack_record, write_bundle
from museui.core.failpoints import failpoint
from museui.core.frames import compress_frames
from museui.core.ids import BundleId, CommitId, ObjectId, qualified
from museui.core.limits import Limits
from museui.core.packing import order_objects
from museui.core.records import SnapshotParser
from museui.core.stream import write_stream
from museui.core.wire import PushTarget, encode_target
from museui.repo.repository import Repository

from .objects import ObjectReader, unreadable
from .snapshots import SnapshotFiles
from .spool import PackedBundle, write_all
from .walk import Walk

_THREADS = min(4, os.cpu_count() or 1)

Progress = Callable[[int, int], None]
"""Hears (objects done, objects in all) while packing."""


class Content:
    """What goes into one push: snapshots and objects of a walk, read when their turn comes, one pass over each."""

    def __init__(
        self,
        repository: Repository,
        walk: Walk,
        limits: Limits,
        needs: Collection[ObjectId] = (),
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """``needs``: objects to send whether the walk meets them or not; ``check`` raises when packing is to end."""
        self.check = check
        self.repository = repository
        self.limits = limits
        self.walk = walk
        self.commit_records = [pack_record(commit.wire_fields()) for commit in walk.commits]
        self._snapshot_ids = list(dict.fromkeys(commit.snapshot_id for commit in walk.commits))
        self._paths: dict[ObjectId, str] = dict.fromkeys(needs, "")
        self._base_objects: set[ObjectId] = set()
        self.raw_bytes = 0
        self._taken: list[bytes] = []
        self._taken_bytes = 0
        parser = SnapshotParser()
        for base in walk.base:
            snapshot = repository.read_snapshot(repository.read_commit(base).snapshot_id, parser)
            self._base_objects.update(snapshot.manifest.values())
        self._rest = self._iter_snapshots()

    def path_of(self, object_id: ObjectId) -> str:
        """Return a path that names the object, empty when none is known."""
        return self._paths.get(object_id, "")

    @property
    def object_count(self) -> int:
        """How many objects there are to send, as far as snapshots have been read."""
        return len(self._paths)

    @property
    def snapshot_count(self) -> int:
        """How many snapshots there are to send."""
        return len(self._snapshot_ids)

    def _iter_snapshots(self) -> Iterator[bytes]:
        paths, base = self._paths, self._base_objects

        def on_entry(object_id: ObjectId, path: str) -> None:
            if object_id not in base:
                paths.setdefault(object_id, path)

        yield from map(SnapshotFiles(self.repository.store, on_entry).pack, self._snapshot_ids)

    def snapshot_records(self) -> Iterable[bytes]:
        """The packed snapshot records, in first-use order."""
        return chain(self._taken, self._rest)

    def objects(self) -> list[ObjectId]:
        """The objects to send, in their order: complete once every snapshot has been read."""
        return order_objects(self._paths)

    def fits_stream(self) -> bool:
        """Whether everything fits in one ``push/stream`` request. Reads no further than it must to know."""
        limits = self.limits
        if len(self.walk.commits) > limits.stream_max_objects:
            return False
        for record in self._rest:
            self._taken.append(record)
            self._taken_bytes += len(record)
            if len(self._paths) > limits.stream_max_objects or self._taken_bytes > limits.stream_max_bytes:
                return False
        size = self._taken_bytes + sum(map(len, self.commit_records))
        for object_id in self._paths:
            try:
                size += self.repository.store.object_size(object_id)
            except OSError as exc:
                raise unreadable(object_id, exc.strerror or str(exc)) from exc
            if size > limits.stream_max_bytes:
                return False
        return True

    def sources(self, executor: Executor, on_progress: Progress) -> Iterator[ObjectSource]:
        """The objects with their bytes; every one has been checked when this ends."""
        reader = ObjectReader(self.repository, executor, self.limits.max_object_bytes)
        total = self.object_count
        for done, object_id in enumerate(self.objects()):
            if not done & 63:
                on_progress(done, total)
            yield reader.open(object_id)
        reader.finish()
        on_progress(total, total)


def counted(parts: Iterable[bytes], content: Content) -> Iterator[bytes]:
    """``parts`` as they are, until packing is to end; their bytes are counted in ``content.raw_bytes``."""
    for part in parts:
        content.check()
        content.raw_bytes += len(part)
        yield part


def pack_bundle(
    content: Content, branch: str, head: CommitId, path: Path, level: int, tool: str, on_progress: Progress
) -> PackedBundle:
    """Write the bundle of ``content`` to ``path``, compressed at ``level``, hashed while it is written.

    Holds a few frames of 4 MiB in memory, whatever the size.  Raises :class:`Integrity` for what is damaged or missing.
    """
    walk = content.walk
    created_at = next(commit.committed_at for commit in reversed(walk.commits)) if walk.commits else ""
    meta = {
        "mode": "incremental" if walk.base else "full",
        "base_commits": [qualified(base) for base in walk.base],
        "created_at": created_at,
        "format": FORMAT,
        "tool": tool,
    }
    digest = hashlib.sha256()
    wire_bytes = 0
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="pack") as executor, path.open("wb", buffering=0) as file:
        parts = write_bundle(
            meta=meta,
            branch_heads={branch: head},
            commits=content.commit_records,
            snapshots=(content.snapshot_count, content.snapshot_records()),
            objects=lambda: (content.object_count, content.sources(executor, on_progress)),
        )
        for frame in compress_frames(counted(parts, content), level, executor):
            write_all(file, frame)
            digest.update(frame)
            failpoint("push.packing")
            wire_bytes += len(frame)
    return PackedBundle(
        path=path,
        bundle_id=BundleId(digest.hexdigest()),
        wire_bytes=wire_bytes,
        raw_bytes=content.raw_bytes,
        commits=len(walk.commits),
        snapshots=content.snapshot_count,
        objects=content.object_count,
        level=level,
    )


def pack_stream(content: Content, target: PushTarget, level: int, on_progress: Progress) -> bytes:
    """The whole ``push/stream`` body of ``content``, compressed. Only for what :meth:`Content.fits_stream`."""
    walk = content.walk
    snapshots = list(content.snapshot_records())
    header = {
        **encode_target(target),
        "commits": len(walk.commits),
        "snapshots": len(snapshots),
        "objects": content.object_count,
    }
    with ThreadPoolExecutor(1, thread_name_prefix="pack") as executor:
        parts = write_stream(header, content.commit_records, snapshots, lambda: content.sources(executor, on_progress))
        return b"".join(compress_frames(counted(parts, content), level, executor))
