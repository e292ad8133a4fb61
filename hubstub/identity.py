"""Whether an index and a store belong together, and which of them has come further.

An id stands in both (:mod:`hubstub.store.mark`, ``settings``), so an index that is missing, empty or another hub's is
found out before anything is taken for garbage because no row speaks of it.  The store also knows how far its index had
come: the count of starts and the number of the newest move of a branch.  An index that has come less far is an older
copy, put back after a disaster: it serves, and until ``museui hub adopt`` nothing is collected.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import delete, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Usage

from .folder import WAYS_OUT
from .index.database import Database
from .index.schema import garbage, objects, ref_moves, settings
from .index.values import STORE, forget_value, read_value, write_value
from .store.base import ObjectStore
from .store.keys import bundle_key, object_key
from .store.mark import Mark, Reach, holds_anything, read_mark, write_first_mark, write_mark

_ID = "hub id"
_STARTS = "starts"
_BEHIND = "behind"
_SAMPLE = 64
_log = logging.getLogger("hubstub.identity")


@dataclass(frozen=True, slots=True)
class Known:
    """The facts that an index has about itself.

    ``store``: the name of the store it remembers.  ``hub_id`` None: a hub of before there were ids.
    ``sample``: for some objects the keys of which one must be there.
    """

    store: str | None
    hub_id: str | None
    sample: Sequence[Sequence[str]]


async def read_known(database: Database) -> Known | None:
    """Return what the index says of itself; None when there is none, or one without tables. Makes neither."""
    if database.is_missing:
        return None
    async with database.read() as connection:
        tables = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
        if not {settings.name, objects.name} <= tables:
            return None
        store, hub_id = await read_value(connection, STORE), await read_value(connection, _ID)
        rows = (await connection.execute(select(objects.c.id, objects.c.bundle).limit(_SAMPLE))).all()
    sample = [[object_key(row.id.hex()), *([bundle_key(row.bundle)] if row.bundle else ())] for row in rows]
    return Known(store, hub_id, sample)


async def require_own_store(database: Database, store: ObjectStore, where: str) -> None:
    """Raise :class:`Usage` unless index and store belong together, before either is changed.

    ``where``: what people call the store.
    """
    mark = await read_mark(store)  # before the index, which is written before the mark
    known = await read_known(database)
    if known is not None and known.store not in (None, where):
        raise Usage(
            f"this hub keeps its objects in {known.store}, not in {where}",
            hint="Start it with the store it has, or choose another --data for a new hub.",
        )
    if known is None:
        if mark is not None or await holds_anything(store):
            raise Usage(
                f"{database.name} is {'missing or empty' if database.is_missing else 'new'}, and the store in {where} "
                "holds what a hub has stored: a new hub would take all of it for garbage",
                hint=WAYS_OUT,
            )
    elif mark is not None and known.hub_id is not None:
        if known.hub_id != mark.hub_id:
            raise _not_its_own(database, where)
    elif known.sample:
        if not await _holds_most(store, known.sample):
            raise Usage(
                f"the store in {where} holds nothing of what {database.name} speaks of",
                hint="Is its disk mounted? Put the store back where it was; or choose another --data for a new hub; "
                "or run 'museui hub adopt' to go on with what there is.",
            )
    elif mark is not None or await holds_anything(store):
        raise _not_its_own(database, where)


def _not_its_own(database: Database, where: str) -> Usage:
    what = f"the store in {where} belongs to another hub's database, not to {database.name}"
    return Usage(what, hint=WAYS_OUT)


async def _holds_most(store: ObjectStore, sample: Sequence[Sequence[str]]) -> bool:
    """Whether half of the objects are there: two hubs may well have one in common, and some may be damaged."""
    there = 0
    for keys in sample:
        for key in keys:
            if await store.stat(key) is not None:
                there += 1
                break
    return 2 * there >= len(sample)


async def marry(database: Database, store: ObjectStore, where: str, now: float, *, starts: bool = False) -> None:
    """Let index and store, of which :func:`require_own_store` is content, know each other.

    ``starts``: a hub begins to serve, which counts; an index that the store knows to have come further is noted then.
    Raises :class:`Usage` when another hub was faster to take the store.
    """
    mark = await read_mark(store)
    async with database.write(alone=True) as connection:
        hub_id = await read_value(connection, _ID)
        if hub_id is None:
            hub_id = mark.hub_id if mark else secrets.token_hex(16)
            await write_value(connection, _ID, hub_id)
        reach = await _read_reach(connection)
        if mark is not None and mark.hub_id == hub_id:
            if reach < mark.reach:
                await _note_behind(connection, reach, mark.reach, now)
            reach = Reach(max(reach.starts, mark.reach.starts), reach.moves)
        if starts:
            reach = Reach(reach.starts + 1, reach.moves)
        await write_value(connection, _STARTS, str(reach.starts))
    wanted = Mark(hub_id, reach)
    if mark is None and not await write_first_mark(store, wanted):
        mark = await read_mark(store)
    if mark is not None:
        if mark.hub_id != hub_id:
            raise _not_its_own(database, where)
        await write_mark(store, wanted)


async def _note_behind(connection: AsyncConnection, reach: Reach, stored: Reach, now: float) -> None:
    """The index is an older copy. What it held for garbage may have been needed since, so every grace begins anew."""
    if await read_value(connection, _BEHIND) is None:
        facts = {"since": now, "moves": reach.moves, "stored_moves": stored.moves}
        await write_value(connection, _BEHIND, json.dumps(facts))
    await connection.execute(delete(garbage))


async def read_behind(connection: AsyncConnection) -> dict[str, Any] | None:
    """Return since when (Unix seconds) the index is known to be an older copy, its newest move, and the store's."""
    value = await read_value(connection, _BEHIND)
    return None if value is None else dict(json.loads(value))


async def take_over(database: Database, store: ObjectStore, now: float) -> None:
    """Let the store be this index's, whoever's it was, and the index be the newest there is: for ``adopt`` alone.

    The index counts as an older copy until :func:`end_adoption`, so nothing is collected when the work is cut off.
    """
    mark = await read_mark(store)
    async with database.write(alone=True) as connection:
        hub_id = await read_value(connection, _ID) or secrets.token_hex(16)
        await write_value(connection, _ID, hub_id)
        reach = await _read_reach(connection)
        stored = mark.reach if mark else Reach()
        await _note_behind(connection, reach, stored, now)
        reach = Reach(max(reach.starts, stored.starts) + 1, reach.moves)
        await write_value(connection, _STARTS, str(reach.starts))
    await write_mark(store, Mark(hub_id, reach))


async def end_adoption(database: Database) -> None:
    """The index knows what lies in the store: it is no older copy any more."""
    await database.change(lambda connection: forget_value(connection, _BEHIND))


class Teller:
    """Tells the store how far the index has come, whenever that has changed, off the way of pushes."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store
        self._told: Mark | None = None

    async def tell(self, now: float) -> None:
        """Write the mark anew when the index has come further since, unless the store has become another hub's.

        An index that has come less far than it had is an older copy that was put back while the hub ran.
        Raises as database and store do.
        """
        async with self._database.read() as connection:
            hub_id = await read_value(connection, _ID)
            mark = Mark(hub_id, await _read_reach(connection)) if hub_id else None
        told = self._told
        if mark is None or mark == told:
            return
        if told is not None and told.hub_id == mark.hub_id and mark.reach < told.reach:
            mark = await self._database.change(partial(_go_on_from, mark=mark, told=told, now=now))
        if await is_own_store(self._database, self._store):
            await write_mark(self._store, mark)
        else:
            _log.error("the store has been taken over by another hub, or replaced: nothing is collected")
        self._told = mark


async def _go_on_from(connection: AsyncConnection, *, mark: Mark, told: Mark, now: float) -> Mark:
    """Note that the index is an older copy than the one that was ``told``; the mark that holds from now on."""
    await _note_behind(connection, mark.reach, told.reach, now)
    warn_of_older_copy({"moves": mark.reach.moves, "stored_moves": told.reach.moves})
    starts = max(mark.reach.starts, told.reach.starts)
    await write_value(connection, _STARTS, str(starts))
    return Mark(mark.hub_id, Reach(starts, mark.reach.moves))


async def is_own_store(database: Database, store: ObjectStore) -> bool:
    """Return whether the store still has this index's mark: nobody else has taken it over or put another there."""
    try:
        mark = await read_mark(store)
    except Usage:  # damaged: a person must look at it, and nothing is deleted meanwhile
        return False
    async with database.read() as connection:
        return mark is not None and mark.hub_id == await read_value(connection, _ID)


async def find_bar(database: Database, store: ObjectStore) -> str | None:
    """Return why nothing may be deleted because no row speaks of it, None when it may."""
    async with database.read() as connection:
        behind = await read_behind(connection)
    if behind is not None:
        return "the database is an older copy than the one that filled the store"
    if not await is_own_store(database, store):
        return "the store has been taken over by another hub, or replaced"
    return None


async def _read_reach(connection: AsyncConnection) -> Reach:
    starts = int(await read_value(connection, _STARTS) or 0)
    newest = (await connection.execute(select(func.max(ref_moves.c.id)))).scalar_one()
    return Reach(starts, int(newest or 0))


def warn_of_older_copy(behind: dict[str, Any]) -> None:
    """Write to the log that the index is an older copy; ``behind``: what :func:`read_behind` said."""
    _log.warning(
        "the database is an older copy than the one that filled the store (%s moves of branches, the store knows of "
        "%s): nothing is collected until 'museui hub adopt' has been run",
        behind["moves"],
        behind["stored_moves"],
    )
