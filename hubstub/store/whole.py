"""Whether an object lies whole under its own key: read and hashed, since a file that is there may be damaged."""

from __future__ import annotations

import hashlib

from museui.core.errors import NotFound

from .base import ObjectStore
from .keys import object_key


def measure_whole(store: ObjectStore, object_id: str) -> int | None:
    """Return the size in bytes of an object (bare hex) that lies whole under its own key, None when none does.

    Blocks: for worker threads.  Raises :class:`~museui.core.errors.Unavailable` when the store does not answer.
    """
    digest, size_bytes = hashlib.sha256(), 0
    try:
        for piece in store.read(object_key(object_id)):
            digest.update(piece)
            size_bytes += len(piece)
    except NotFound:
        return None
    return size_bytes if digest.hexdigest() == object_id else None


def lies_whole(store: ObjectStore, object_id: str) -> bool:
    """Return whether :func:`measure_whole` finds it."""
    return measure_whole(store, object_id) is not None
