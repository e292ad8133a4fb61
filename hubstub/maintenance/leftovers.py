"""Collecting what lies in the object store and no row names: what a crash between store and database left.

Ages are the store's own, told by its own clock.  Whatever the grace, a file less than an hour old stays: a push stores
its bundle a moment before it records it.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping

from sqlalchemy import delete, exists, not_, select, update

from museui.core.errors import Invalid
from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId, parse_id

from ..index.history import existing_object_rows
from ..index.schema import bundles, jobs, objects, pushes
from ..jobs.queue import BUNDLE_INDEX
from ..push.uploads import live_upload_ids
from ..state import HubState
from ..store.base import BUNDLES, OBJECTS, STAGING, Entry, bundle_key, staging_key
from .deletions import delete_doomed, doom, lost_again
from .tally import GcOptions, Tally

MIN_AGE_S = 3600.0
_AT_ONCE = 500
_FOLDERS_AT_ONCE = 16


async def collect_leftovers(hub: HubState, options: GcOptions, tally: Tally, after: str) -> AsyncIterator[str]:
    """Delete files that nobody knows, bundles that hold nothing, staged bytes nobody may confirm; gives how far it is.

    ``after``: what it gave last, empty to begin.
    """
    before = await read_store_clock(hub) - max(options.grace_s, MIN_AGE_S)
    if not after:
        await _collect_bundles(hub, options, tally, before)
        await _collect_staged(hub, options, tally, before)
        yield "start"
    first = 0 if after in ("", "start") else int(after, 16) + 1
    for number in range(first, 256):
        await _collect_objects(hub, options, tally, before, f"{OBJECTS}{number:02x}/")
        if number % _FOLDERS_AT_ONCE == _FOLDERS_AT_ONCE - 1:
            yield f"{number:02x}"


async def read_store_clock(hub: HubState) -> float:
    """What time it is where the store is (Unix seconds), by which it tells when something was stored."""
    key = staging_key("clock-" + secrets.token_hex(8))
    await hub.store.put([(key, b"")])
    try:
        entry = await hub.store.stat(key)
    finally:
        await hub.store.delete([key])
    return entry.modified_at if entry else 0.0


async def _collect_bundles(hub: HubState, options: GcOptions, tally: Tally, before: float) -> None:
    """Bundles without a row, and rows of bundles that nothing lies in and no job promotes."""
    holds = exists().where(objects.c.bundle == bundles.c.id)
    promoted = exists().where(jobs.c.kind == BUNDLE_INDEX, jobs.c.subject == bundles.c.id)
    empty = select(bundles.c.id).where(not_(holds), not_(promoted), bundles.c.created_at <= hub.now() - MIN_AGE_S)
    async with hub.database.read() as connection:
        idle = list((await connection.execute(empty)).scalars())
    if options.apply and idle:
        async with hub.database.write(alone=True) as connection:
            idle = list((await connection.execute(empty)).scalars())
            await connection.execute(update(pushes).where(pushes.c.bundle.in_(idle)).values(bundle=None))
            await connection.execute(delete(bundles).where(bundles.c.id.in_(idle)))
    tally.take("bundles", len(idle))
    found = {entry.key: entry async for entry in hub.store.list(BUNDLES)}
    async with hub.database.read() as connection:
        known = {bundle_key(item) for item in (await connection.execute(select(bundles.c.id))).scalars()}
    dropped = {bundle_key(item) for item in idle}
    await _delete(hub, options, tally, [e for e in _old(found, known, before) if e.key not in dropped])
    if options.apply and idle:
        await hub.store.delete(list(dropped))


async def _collect_staged(hub: HubState, options: GcOptions, tally: Tally, before: float) -> None:
    found = {entry.key: entry async for entry in hub.store.list(STAGING)}
    async with hub.database.read() as connection:
        live = {staging_key(item) for item in await live_upload_ids(connection, hub.now())}
    await _delete(hub, options, tally, _old(found, live, before))


async def _collect_objects(hub: HubState, options: GcOptions, tally: Tally, before: float, prefix: str) -> None:
    found = {entry.key: entry async for entry in hub.store.list(prefix) if entry.modified_at <= before}
    ids = {object_id: key for key in found if (object_id := parse_object_key(key))}
    every = list(ids)
    for at in range(0, len(every), _AT_ONCE):
        part = every[at : at + _AT_ONCE]
        async with hub.database.read() as connection:
            lost = set(part) - await existing_object_rows(connection, part)
        if lost and options.apply:
            async with hub.database.write(alone=True) as connection:
                lost = await lost_again(connection, lost)
                await doom(connection, lost, hub.now())
            failpoint("gc.doomed")
            await delete_doomed(hub, lost)
        tally.take("files", len(lost), sum(found[ids[item]].size_bytes for item in lost))
    strays = [entry for key, entry in found.items() if parse_object_key(key) is None]
    await _delete(hub, options, tally, strays)


def parse_object_key(key: str) -> ObjectId | None:
    """The object whose own key this is, None when it is nobody's."""
    digits = key.removeprefix(OBJECTS).replace("/", "", 1)
    try:
        return ObjectId(parse_id(digits)) if len(digits) == 64 else None
    except Invalid:
        return None


def _old(found: Mapping[str, Entry], known: set[str], before: float) -> list[Entry]:
    return [entry for key, entry in found.items() if key not in known and entry.modified_at <= before]


async def _delete(hub: HubState, options: GcOptions, tally: Tally, entries: list[Entry]) -> None:
    """For keys that are never used twice."""
    if entries and options.apply:
        await hub.store.delete([entry.key for entry in entries])
    tally.take("files", len(entries), sum(entry.size_bytes for entry in entries))
