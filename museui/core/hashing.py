"""Checking objects against their ids on another thread, while the thread that reads them reads on."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future

from .errors import Integrity
from .ids import ObjectId

_BATCH_BYTES = 1 << 20
_WAITING_BATCHES = 4

Parts = Iterable[bytes | memoryview]


class HashChecks:
    """Takes contents and the ids they go by; a few MiB of them wait at most.

    What is wrong comes out of :meth:`add` or, at the latest, of :meth:`finish`.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._batch: list[tuple[ObjectId, Parts]] = []
        self._batch_bytes = 0
        self._waiting: deque[Future[None]] = deque()

    def add(self, object_id: ObjectId, size_bytes: int, parts: Parts) -> None:
        """Have the content in ``parts`` checked. Raises :class:`Integrity` naming an object that was added before."""
        self._batch.append((object_id, parts))
        self._batch_bytes += size_bytes
        if self._batch_bytes >= _BATCH_BYTES:
            self._submit()

    def finish(self) -> None:
        """Wait until everything has been checked. Raises :class:`Integrity` naming an object."""
        _check_batch(self._batch)
        self._batch, self._batch_bytes = [], 0
        while self._waiting:
            self._waiting.popleft().result()

    def _submit(self) -> None:
        if len(self._waiting) >= _WAITING_BATCHES:
            self._waiting.popleft().result()
        self._waiting.append(self._executor.submit(_check_batch, self._batch))
        self._batch, self._batch_bytes = [], 0


def _check_batch(batch: list[tuple[ObjectId, Parts]]) -> None:
    for object_id, parts in batch:
        check_object(object_id, hash_parts(parts))


def hash_parts(parts: Parts) -> ObjectId:
    """The object id of the bytes in ``parts``."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return ObjectId(digest.hexdigest())


def check_object(object_id: ObjectId, actual: str) -> None:
    """Raise :class:`Integrity` unless ``actual``, what the content hashes to, is the object's id."""
    if actual != object_id:
        raise Integrity(
            f"object {object_id} does not match its content (which hashes to {actual[:12]}…)",
            details={"object_id": object_id, "rule": "object_id"},
        )
