"""Reading the objects of a push: their bytes at once, the check against their ids on other threads meanwhile.

Nothing leaves this machine that was not checked: a push waits for the last check before it sends a byte.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future

from museui.core.bundle import ObjectSource
from museui.core.errors import Integrity
from museui.core.ids import ObjectId
from museui.repo.repository import Repository

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_WHOLE_BYTES = 8 << 20
_PIECE_BYTES = 1 << 20
_BATCH_BYTES = 1 << 20
_WAITING_BATCHES = 4


class ObjectReader:
    """Opens objects one after the other. :meth:`finish` must be called before anything of it is sent."""

    def __init__(self, repository: Repository, executor: Executor) -> None:
        self._repository = repository
        self._executor = executor
        self._batch: list[tuple[ObjectId, bytes]] = []
        self._batch_bytes = 0
        self._checks: deque[Future[None]] = deque()

    def open(self, object_id: ObjectId) -> ObjectSource:
        """The object, small ones read whole. Raises :class:`Integrity` when it cannot be read, or for an earlier one
        that turned out to be damaged.
        """
        path = self._repository.object_path(object_id)
        try:
            descriptor = os.open(path, _OPEN)
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise unreadable(object_id, "it is not a file")
                size = status.st_size
                if size > _WHOLE_BYTES:
                    return ObjectSource(object_id, size, _iter_object(object_id, path, size))
                content = os.read(descriptor, size + 1)
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise unreadable(object_id, exc.strerror or str(exc)) from exc
        self._batch.append((object_id, content))
        self._batch_bytes += len(content)
        if self._batch_bytes >= _BATCH_BYTES:
            self._submit()
        return ObjectSource(object_id, size, (content,))

    def finish(self) -> None:
        """Wait for every check. Raises :class:`Integrity` naming an object that is damaged."""
        self._submit()
        while self._checks:
            self._checks.popleft().result()

    def _submit(self) -> None:
        if len(self._checks) >= _WAITING_BATCHES:
            self._checks.popleft().result()
        self._checks.append(self._executor.submit(_check_batch, self._batch))
        self._batch, self._batch_bytes = [], 0


def _check_batch(batch: list[tuple[ObjectId, bytes]]) -> None:
    for object_id, content in batch:
        _check(object_id, hashlib.sha256(content).hexdigest())


def _iter_object(object_id: ObjectId, path: str, size: int) -> Iterator[bytes]:
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while size and (piece := file.read(min(size, _PIECE_BYTES))):
                size -= len(piece)
                digest.update(piece)
                yield piece
    except OSError as exc:
        raise unreadable(object_id, exc.strerror or str(exc)) from exc
    _check(object_id, "" if size else digest.hexdigest())


def _check(object_id: ObjectId, actual: str) -> None:
    if actual != object_id:
        raise Integrity(
            f"object {object_id} in this repository does not match its id: it is damaged",
            hint="Run `museui verify`; another clone may still have the object.",
            details={"object_id": object_id, "rule": "object_id"},
        )


def unreadable(object_id: ObjectId, reason: str) -> Integrity:
    """The error for an object that is missing or cannot be read."""
    return Integrity(
        f"object {object_id} cannot be read: {reason}",
        hint="Run `museui verify` to see what else is missing.",
        details={"object_id": object_id},
    )
