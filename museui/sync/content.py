"""The content of a push: the commits a hub lacks, their snapshots and new objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor
from itertools import chain

from museui.core.bundle import ObjectSource, pack_record
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.packing import order_objects
from museui.core.records import SnapshotParser
from museui.repo.repository import Repository

from .missing_commits import Walk
from .object_reader import ObjectReader, unreadable
from .snapshots import SnapshotFiles

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
