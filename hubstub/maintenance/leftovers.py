"""Collecting what lies in the object store and no row names: what a crash between store and database left.

The first collection that sees such a file marks it, and one that still sees it after the grace takes it; whatever the
grace, it stays for an hour: a push stores its bundle a moment before it records it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any

from sqlalchemy import delete, exists, insert, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid
from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId, parse_id

from ..arrivals.uploads import KEPT_S, confirmed_upload_ids, live_upload_ids
from ..index.history import existing_object_rows, select_among
from ..index.job_queue import BUNDLE_INDEX
from ..index.schema import bundles, jobs, objects, pushes, repository_objects
from ..index.values import read_value, write_value
from ..parts import HubParts
from ..store.keys import BUNDLES, OBJECT_UPLOAD, OBJECTS, STAGING, Entry, bundle_key, staging_key
from .deletions import delete_doomed, doom, lost_again
from .marks import add_marks, drop_marks, list_marked, read_marks
from .repair import use_own_file
from .tally import GcOptions, Tally

MIN_AGE_S = 3600.0
FILE, BUNDLE, STAGED = "file", "bundle", "staged"
"""Kinds of marks: of files below ``objects/``, ``bundles/`` and ``staging/``."""
_MARK_CHARS = 64
UNNAMED = "unnamed files"
_AT_ONCE = 500
_FOLDERS_AT_ONCE = 16
_NOBODY = bytes(32)


def mark_of(entry: Entry) -> str:
    """Return what stands in the table of marks for a file, which is short; of an object it is the object's id.

    Staged objects come under the same names again, so there other bytes have another mark.
    """
    folder, _, name = entry.key.partition("/")
    if folder == STAGING.rstrip("/"):
        return hashlib.sha256(f"{name}\n{entry.version}".encode()).hexdigest()
    name = name.replace("/", "", 1)
    if len(name) <= _MARK_CHARS:
        return name
    return name[:2] + hashlib.sha256(name.encode()).hexdigest()[: _MARK_CHARS - 2]


async def collect_leftovers(hub: HubParts, options: GcOptions, tally: Tally, after: str) -> AsyncIterator[str]:
    """Delete files that nobody knows, bundles that hold nothing, staged bytes nobody may confirm; gives how far it is.

    ``after``: what it gave last, empty to begin.
    """
    if not after:
        await _collect_bundles(hub, options, tally)
        await collect_staged(hub, options, tally)
        yield "start"
    first = 0 if after in ("", "start") else int(after, 16) + 1
    for number in range(first, 256):
        await _collect_objects(hub, options, tally, f"{OBJECTS}{number:02x}/")
        if number % _FOLDERS_AT_ONCE == _FOLDERS_AT_ONCE - 1:
            yield f"{number:02x}"


async def list_unnamed(hub: HubParts) -> AsyncIterator[Entry]:
    """Yield the bundles and objects in the store that no row names."""
    async for entry in hub.store.list(BUNDLES):
        async with hub.database.read() as connection:
            query = select(bundles.c.id).where(bundles.c.id == entry.key.removeprefix(BUNDLES))
            known = (await connection.execute(query)).first()
        if known is None:
            yield entry
    for number in range(256):
        found = [entry async for entry in hub.store.list(f"{OBJECTS}{number:02x}/")]
        for entry in await _without_rows(hub, found):
            yield entry


async def count_unnamed(hub: HubParts) -> None:
    """Count the files that no row names, for ``museui hub stats``."""
    count = size_bytes = 0
    async for entry in list_unnamed(hub):
        count, size_bytes = count + 1, size_bytes + entry.size_bytes
    await hub.database.change(lambda connection: note_unnamed(connection, count, size_bytes, hub.now()))


async def note_unnamed(connection: AsyncConnection, count: int, size_bytes: int, now: float) -> None:
    """Keep how many files there are that no row names."""
    await write_value(connection, UNNAMED, json.dumps({"count": count, "bytes": size_bytes, "counted_at": now}))


async def read_unnamed(connection: AsyncConnection) -> dict[str, Any] | None:
    """Return how many files there were that no row names, their bytes, and when that was; None before the first count.

    While the index is an older copy these are bundles and objects alone, and else what waits for the end of its grace.
    """
    value = await read_value(connection, UNNAMED)
    return None if value is None else dict(json.loads(value))


async def _without_rows(hub: HubParts, found: Collection[Entry]) -> list[Entry]:
    ids = [object_id for entry in found if (object_id := parse_object_key(entry.key))]
    async with hub.database.read() as connection:
        known = await existing_object_rows(connection, ids)
    return [entry for entry in found if parse_object_key(entry.key) not in known]


async def _collect_bundles(hub: HubParts, options: GcOptions, tally: Tally) -> None:
    """Bundles without a row, and rows of bundles that nothing lies in and no job promotes."""
    holds = exists().where(objects.c.bundle == bundles.c.id)
    promoted = exists().where(jobs.c.kind == BUNDLE_INDEX, jobs.c.subject == bundles.c.id)
    empty = select(bundles.c.id).where(not_(holds), not_(promoted), bundles.c.created_at <= hub.now() - MIN_AGE_S)
    if await _lacks_objects(hub):
        tally.skipped.append(
            "stored bundles: repositories lack objects that may lie in them; 'museui hub fsck --repair' looks there"
        )
        return
    async with hub.database.read() as connection:
        idle = list((await connection.execute(empty)).scalars())
    if options.apply and idle:
        async with hub.database.write(alone=True) as connection:
            idle = list((await connection.execute(empty)).scalars())
            await connection.execute(update(pushes).where(pushes.c.bundle.in_(idle)).values(bundle=None))
            await connection.execute(delete(bundles).where(bundles.c.id.in_(idle)))
        await hub.store.delete([bundle_key(item) for item in idle])
    tally.take("bundles", len(idle))
    found = [entry async for entry in hub.store.list(BUNDLES)]
    async with hub.database.read() as connection:
        known = {bundle_key(item) for item in (await connection.execute(select(bundles.c.id))).scalars()}
    known.update(map(bundle_key, idle))
    unnamed = [entry for entry in found if entry.key not in known]
    old = await _split(hub, BUNDLE, options, tally, unnamed)
    await _forget(hub, BUNDLE, options, unnamed)
    tally.doubt("files", len(old), sum(entry.size_bytes for entry in old))
    if options.apply:
        old = await _take_bundles(hub, old)
    tally.take("files", len(old), sum(entry.size_bytes for entry in old))


async def _lacks_objects(hub: HubParts) -> bool:
    """Whether a repository holds an object that the index has no place for."""
    held = exists().where(objects.c.id == repository_objects.c.object_id)
    query = select(repository_objects.c.object_id).where(not_(held)).limit(1)
    async with hub.database.read() as connection:
        return (await connection.execute(query)).first() is not None


async def _take_bundles(hub: HubParts, old: Collection[Entry]) -> list[Entry]:
    """Delete stored bundles that no row names. Their names are taken first, so no push can record them any more."""
    names = {entry.key.removeprefix(BUNDLES): entry for entry in old}
    async with hub.database.write(alone=True) as connection:
        known = set((await connection.execute(select(bundles.c.id).where(bundles.c.id.in_(names)))).scalars())
        taken = [name for name in names if name not in known]
        rows = [
            {"id": name, "bundle_id": _NOBODY, "size_bytes": 0, "frames": b"", "created_at": hub.now()}
            for name in taken
        ]
        if rows:
            await connection.execute(insert(bundles), rows)
    failpoint("gc.claimed")
    await hub.store.delete([bundle_key(name) for name in taken])
    async with hub.database.write() as connection:
        await connection.execute(delete(bundles).where(bundles.c.id.in_(taken)))
        await drop_marks(connection, BUNDLE, [mark_of(names[name]) for name in taken])
    return [names[name] for name in taken]


async def collect_staged(hub: HubParts, options: GcOptions, tally: Tally) -> None:
    """Delete staged bytes that nobody may confirm, or that were confirmed.

    No row ever knows of single objects, and nobody was told that they are kept: they go by their age, when an upload
    that has a row would have gone, too.
    """
    found = [entry async for entry in hub.store.list(STAGING)]
    async with hub.database.read() as connection:
        live = {staging_key(item) for item in await live_upload_ids(connection, hub.now())}
        over = await confirmed_upload_ids(connection, [entry.key.removeprefix(STAGING) for entry in found])
    unnamed = [entry for entry in found if entry.key not in live]
    single = [entry for entry in unnamed if entry.key.startswith(STAGING + OBJECT_UPLOAD)]
    unnamed = [entry for entry in unnamed if not entry.key.startswith(STAGING + OBJECT_UPLOAD)]
    kept_since = hub.now() - max(options.grace_s, KEPT_S + hub.settings.upload_ttl_s)
    old = [entry for entry in unnamed if entry.key.removeprefix(STAGING) in over]
    unnamed = [entry for entry in unnamed if entry.key.removeprefix(STAGING) not in over]
    old += await _split(hub, STAGED, options, tally, unnamed)
    old += [entry for entry in single if entry.modified_at <= kept_since]
    await _delete(hub, STAGED, options, tally, old)
    await _forget(hub, STAGED, options, unnamed)


async def _collect_objects(hub: HubParts, options: GcOptions, tally: Tally, prefix: str) -> None:
    found = [entry async for entry in hub.store.list(prefix)]
    unnamed: list[Entry] = []
    for at in range(0, len(found), _AT_ONCE):
        lost = await _without_rows(hub, found[at : at + _AT_ONCE])
        lost = await _keep_members(hub, options, lost)
        unnamed += lost
        old = await _split(hub, FILE, options, tally, lost)
        tally.doubt("files", len(old), sum(entry.size_bytes for entry in old))
        strays = [entry for entry in old if parse_object_key(entry.key) is None]
        await _delete(hub, FILE, options, tally, strays)
        named = {object_id: entry for entry in old if (object_id := parse_object_key(entry.key))}
        taken: Iterable[ObjectId] = named
        if named and options.apply:
            async with hub.database.write(alone=True) as connection:
                taken = await lost_again(connection, named)
                taken -= await _members(connection, taken)
                await doom(connection, taken, hub.now())
                await drop_marks(connection, FILE, [mark_of(named[item]) for item in taken])
            failpoint("gc.doomed")
            await delete_doomed(hub, taken)
        taken = list(taken)
        tally.take("files", len(taken), sum(named[item].size_bytes for item in taken))
    await _forget(hub, FILE, options, unnamed, prefix.removeprefix(OBJECTS).rstrip("/"))


async def _keep_members(hub: HubParts, options: GcOptions, lost: list[Entry]) -> list[Entry]:
    """Return those that no repository holds. What one holds stays, and gets its row back when it is whole."""
    ids = {object_id: entry for entry in lost if (object_id := parse_object_key(entry.key))}
    async with hub.database.read() as connection:
        held = await _members(connection, ids)
    for object_id in held if options.apply else ():
        await use_own_file(hub, object_id)
    return [entry for entry in lost if parse_object_key(entry.key) not in held]


async def _members(connection: AsyncConnection, ids: Collection[ObjectId]) -> set[ObjectId]:
    column = repository_objects.c.object_id
    rows = select_among(connection, select(column).distinct(), column, ids)
    return {ObjectId(row.object_id.hex()) async for row in rows}


def parse_object_key(key: str) -> ObjectId | None:
    """The object whose own key this is, None when it is nobody's."""
    digits = key.removeprefix(OBJECTS).replace("/", "", 1)
    try:
        return ObjectId(parse_id(digits)) if len(digits) == 64 else None
    except Invalid:
        return None


async def _split(hub: HubParts, kind: str, options: GcOptions, tally: Tally, entries: Collection[Entry]) -> list[Entry]:
    """Return those that have been marked for the grace; the others wait, and are marked when they are not."""
    now, grace_s = hub.now(), max(options.grace_s, MIN_AGE_S)
    by_mark = {mark_of(entry): entry for entry in entries}
    async with hub.database.read() as connection:
        since = await read_marks(connection, kind, by_mark)
    old = [entry for mark, entry in by_mark.items() if since.get(mark, now) <= now - grace_s]
    young = len(entries) - len(old)
    tally.wait("files", young, sum(e.size_bytes for e in entries) - sum(e.size_bytes for e in old))
    fresh = {mark: now for mark in by_mark if mark not in since}
    if fresh and options.apply:
        async with hub.database.write() as connection:
            await add_marks(hub.database, connection, kind, fresh)
    return old


async def _forget(hub: HubParts, kind: str, options: GcOptions, unnamed: Collection[Entry], first: str = "") -> None:
    """Forget the marks of files that a row names by now, or that are gone: all that begin with ``first``."""
    if not options.apply:
        return
    async with hub.database.read() as connection:
        stale = await list_marked(connection, kind, first) - {mark_of(entry) for entry in unnamed}
    if stale:
        async with hub.database.write() as connection:
            await drop_marks(connection, kind, stale)


async def _delete(hub: HubParts, kind: str, options: GcOptions, tally: Tally, entries: list[Entry]) -> None:
    """For keys that are never used twice."""
    if entries and options.apply:
        await hub.store.delete([entry.key for entry in entries])
        async with hub.database.write() as connection:
            await drop_marks(connection, kind, [mark_of(entry) for entry in entries])
    tally.take("files", len(entries), sum(entry.size_bytes for entry in entries))
