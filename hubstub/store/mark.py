"""The mark of a store: whose it is, and how far the index of its hub had come when the hub last said so.

It lies beside the three folders of :mod:`hubstub.store.keys`, so nothing that lists or sweeps them comes across it.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from museui.core.errors import NotFound, Usage

from .base import ObjectStore
from .keys import BUNDLES, OBJECTS, PROBE

KEY = "hub.json"


@dataclass(frozen=True, slots=True, order=True)
class Reach:
    """The progress of an index: how often hubs began on it, and the number of the newest move of a branch."""

    starts: int = 0
    moves: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """``hub_id`` stands in the index of the same hub as well."""

    hub_id: str
    reach: Reach


async def read_mark(store: ObjectStore) -> Mark | None:
    """Return the mark, None when the store has none.

    Raises :class:`Usage` for one that cannot be read, :class:`~museui.core.errors.Unavailable` without an answer.
    """
    try:
        text = await asyncio.to_thread(lambda: b"".join(store.read(KEY)))
    except NotFound:
        return None
    try:
        document = json.loads(text)
        return Mark(str(document["hub"]), Reach(int(document["starts"]), int(document["moves"])))
    except (ValueError, KeyError, TypeError) as exc:
        raise Usage(
            f"{KEY!r} in the hub's object store is damaged, which says whose the store is",
            hint="Put it back from a backup; or remove it, and the next start looks whether store and database match.",
        ) from exc


async def write_mark(store: ObjectStore, mark: Mark) -> None:
    """Write the mark over the one that is there. Raises :class:`~museui.core.errors.Unavailable`."""
    await store.put([(KEY, _encode(mark))])


async def write_first_mark(store: ObjectStore, mark: Mark) -> bool:
    """Write the mark unless there is one; return whether there was none. Raises as :func:`write_mark`."""
    return await store.put_new(KEY, _encode(mark))


def _encode(mark: Mark) -> bytes:
    return json.dumps({"hub": mark.hub_id, "starts": mark.reach.starts, "moves": mark.reach.moves}).encode() + b"\n"


async def holds_anything(store: ObjectStore) -> bool:
    """Return whether any bundle or object lies in the store. Raises :class:`~museui.core.errors.Unavailable`."""
    for folder in (BUNDLES, OBJECTS):
        async for entry in store.list(folder):
            if not entry.key.startswith(BUNDLES + PROBE):
                return True
    return False
