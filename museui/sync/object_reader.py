"""Reading the objects of a push: their bytes at once, the check against their ids on other threads meanwhile.

Nothing leaves this machine that was not checked: a push waits for the last check before it sends a byte.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from museui.core.bundle import ObjectSource
from museui.core.errors import Integrity, TooLarge
from museui.core.hashing import HashChecks, check_object
from museui.core.ids import EMPTY_OBJECT, ObjectId
from museui.repo.health import REPAIR_HINT
from museui.repo.repository import Repository

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_WHOLE_BYTES = 8 << 20
_PIECE_BYTES = 1 << 20


class ObjectReader:
    """Opens objects one after the other. :meth:`finish` must be called before anything of it is sent."""

    def __init__(self, repository: Repository, executor: Executor, max_bytes: int) -> None:
        """``max_bytes``: the largest object that the hub takes."""
        self._repository = repository
        self._max_bytes = max_bytes
        self._checks = HashChecks(executor)

    def open(self, object_id: ObjectId) -> ObjectSource:
        """The object, small ones read whole. Raises :class:`Integrity` when it cannot be read, or for an earlier one
        that turned out to be damaged; :class:`TooLarge` when the hub would not take it.
        """
        if object_id == EMPTY_OBJECT:
            return ObjectSource(object_id, 0, ())
        path = self._repository.object_path(object_id)
        try:
            descriptor = os.open(path, _OPEN)
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise unreadable(object_id, "it is not a file")
                size = status.st_size
                check_size(object_id, size, self._max_bytes)
                if size > _WHOLE_BYTES:
                    return ObjectSource(object_id, size, _iter_object(object_id, path, size))
                content = os.read(descriptor, size + 1)
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise unreadable(object_id, exc.strerror or str(exc)) from exc
        with _here():
            self._checks.add(object_id, len(content), (content,))
        return ObjectSource(object_id, size, (content,))

    def finish(self) -> None:
        """Wait for every check. Raises :class:`Integrity` naming an object that is damaged."""
        with _here():
            self._checks.finish()


def object_size(repository: Repository, object_id: ObjectId, max_bytes: int) -> int:
    """The length of an object's file in bytes. Raises :class:`Integrity` or :class:`TooLarge`."""
    try:
        size = repository.store.object_size(object_id)
    except OSError as exc:
        raise unreadable(object_id, exc.strerror or str(exc)) from exc
    check_size(object_id, size, max_bytes)
    return size


def check_size(object_id: ObjectId, size: int, max_bytes: int) -> None:
    """Raise :class:`TooLarge` for an object that the hub would not take."""
    if size > max_bytes:
        raise TooLarge(
            f"object {object_id} has {size} bytes; the hub takes objects of {max_bytes} at most",
            hint="Have the hub's limit raised, or take the file out of the history.",
            details={"object_id": object_id, "size_bytes": size, "max_object_bytes": max_bytes},
        )


@contextmanager
def _here() -> Iterator[None]:
    """Say of a damaged object that it is this repository's, and what to do."""
    try:
        yield
    except Integrity as exc:
        raise Integrity(
            f"{exc.message}: it is damaged in this repository",
            hint=REPAIR_HINT,
            details=exc.details,
        ) from exc


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
    with _here():
        check_object(object_id, "" if size else digest.hexdigest())


def unreadable(object_id: ObjectId, reason: str) -> Integrity:
    """The error for an object that is missing or cannot be read."""
    return Integrity(
        f"object {object_id} cannot be read: {reason}",
        hint=REPAIR_HINT,
        details={"object_id": object_id},
    )
