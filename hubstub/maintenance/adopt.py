"""Taking a store into an index that does not know what lies there: an empty one, an older copy, another hub's.

What is read back: every object that hashes to its own id, and every stored bundle that verifies, with its commits.
What is not: whose anything was.  Objects become nobody's, like any that no repository holds; a push that names one
needs not store it anew.  Commits go into private repositories of the one user who is named.  The records of bundles
that were promoted lay in the lost index alone; they come back with the next push of a repository that has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from museui.core.ids import ObjectId

from ..identity import end_adoption, take_over
from ..index.schema import objects
from ..push.desk import PushParts
from ..store.keys import OBJECTS, Entry
from ..store.whole import measure_whole
from .adopt_bundles import BundleAdopter
from .deletions import begin_storing, end_storing
from .leftovers import count_unnamed, list_unnamed, parse_object_key

_AT_ONCE = 256
_THREADS = 8


@dataclass(slots=True)
class Adopted:
    """The result of an adoption. ``kept``: keys that were left as they are, each with the reason."""

    objects: int = 0
    object_bytes: int = 0
    bundles: int = 0
    commits: int = 0
    repositories: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The outcome as ``--json`` prints it."""
        return asdict(self)


async def adopt_store(hub: PushParts, owner: str) -> Adopted:
    """Make the store this index's, and read back what verifies; commits become private repositories of ``owner``.

    No hub may serve the index or the store meanwhile.  It may be killed, and done again.
    Raises :class:`~museui.core.errors.Unavailable` when database or store do not answer.
    """
    await take_over(hub.database, hub.store, hub.now())
    done = Adopted()
    page: list[Entry] = []
    bundles: list[Entry] = []
    async for entry in list_unnamed(hub):
        if not entry.key.startswith(OBJECTS):
            bundles.append(entry)
            continue
        page.append(entry)
        if len(page) == _AT_ONCE:
            await _adopt_objects(hub, page, done)
            page = []
    await _adopt_objects(hub, page, done)
    adopter = BundleAdopter(hub, owner)
    await adopter.adopt(bundles)
    done.bundles, done.commits = adopter.bundles, adopter.commits
    done.repositories, done.kept = adopter.repositories, {**done.kept, **adopter.kept}
    await end_adoption(hub.database)
    await count_unnamed(hub)
    return done


async def _adopt_objects(hub: PushParts, entries: Sequence[Entry], done: Adopted) -> None:
    ids = {object_id: entry for entry in entries if (object_id := parse_object_key(entry.key))}
    for entry in entries:
        if parse_object_key(entry.key) is None:
            done.kept[entry.key] = "it has not the name of an object"
    async with hub.database.read() as connection:
        begun = await begin_storing(connection, ids)
    every = list(ids)
    hashed = await asyncio.gather(*(asyncio.to_thread(_find_whole, hub, every[at::_THREADS]) for at in range(_THREADS)))
    sizes = {object_id: size for part in hashed for object_id, size in part.items()}
    for object_id in ids.keys() - sizes.keys():
        done.kept[ids[object_id].key] = "its bytes are others than its name says"
    rows = [{"id": bytes.fromhex(object_id), "size_bytes": size} for object_id, size in sizes.items()]
    if rows:
        async with hub.database.write(alone=True) as connection:
            await end_storing(connection, begun)
            await connection.execute(hub.database.insert_missing(objects), rows)
    done.objects += len(sizes)
    done.object_bytes += sum(sizes.values())


def _find_whole(hub: PushParts, ids: Sequence[ObjectId]) -> dict[ObjectId, int]:
    """Return the sizes of those that hash to their ids. Blocks: for worker threads."""
    return {item: size for item in ids if (size := measure_whole(hub.store, item)) is not None}
