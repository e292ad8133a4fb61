"""One check of the whole hub from end to end, in steps; it may stop after any of them and go on there."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError, OperationalError

from ..index.history import existing_object_rows
from ..index.schema import bundles
from ..parts import HubParts
from ..store.keys import BUNDLES, OBJECTS, bundle_key, staging_key
from .check_objects import check_bundles, check_members, check_objects
from .check_records import check_repository
from .findings import Finding, Part, Report
from .leftovers import MIN_AGE_S, parse_object_key
from .steps import Cursor, next_repository

_STAGES = ("database", "records", "bundles", "members", "objects", "files")
_BY_ID = {"bundles": check_bundles, "members": check_members, "objects": check_objects}


async def check_hub(
    hub: HubParts, part: Part, report: Report, start: Cursor | None = None
) -> AsyncGenerator[Cursor, None]:
    """Check rows against store and store against rows, noting in ``report``; gives after each step where to go on.

    Of objects only those of ``part`` are read.  Changes nothing.  Raises :class:`~museui.core.errors.Unavailable` when
    database or store do not answer.
    """
    start = start or Cursor(_STAGES[0])
    for stage in _STAGES[_STAGES.index(start.stage) :]:
        after = start.after if stage == start.stage else ""
        if stage == "database":
            if not await _check_database(hub, report):
                return
        elif stage == "records":
            while (number := await next_repository(hub, after)) is not None:
                async with hub.database.read() as connection:
                    await check_repository(connection, number, report)
                after = str(number)
                yield Cursor(stage, after)
        elif stage == "files":
            await _check_files(hub, report)
        else:
            async for place in _BY_ID[stage](hub, part, report, after):
                yield Cursor(stage, place)


async def _check_database(hub: HubParts, report: Report) -> bool:
    """Whether the database's own check is content, where it has one."""
    async with hub.database.read() as connection:
        if connection.dialect.name != "sqlite":
            return True
        try:
            answers = [str(row[0]) for row in await connection.exec_driver_sql("PRAGMA quick_check")]
        except OperationalError:
            raise
        except DatabaseError as exc:
            answers = [str(exc.orig)]
    if answers == ["ok"]:
        return True
    report.add(
        Finding(
            "database",
            "hub.sqlite3",
            "the hub's folder",
            f"SQLite finds it damaged: {answers[0]}"[:500],
            "Stop the hub and restore the file from a backup, or let 'sqlite3 hub.sqlite3 .recover' save what it can.",
        )
    )
    return False


async def _read_store_clock(hub: HubParts) -> float:
    """Return the time of the store's clock (Unix seconds), by which it dates what is stored."""
    key = staging_key("clock-" + secrets.token_hex(8))
    await hub.store.put([(key, b"")])
    try:
        entry = await hub.store.stat(key)
    finally:
        await hub.store.delete([key])
    return entry.modified_at if entry else 0.0


async def _check_files(hub: HubParts, report: Report) -> None:
    """Files that no row names and that are too old to be part of what is going on."""
    before = await _read_store_clock(hub) - MIN_AGE_S
    async with hub.database.read() as connection:
        known = {bundle_key(item) for item in (await connection.execute(select(bundles.c.id))).scalars()}
    async for entry in hub.store.list(BUNDLES):
        if entry.key not in known and entry.modified_at <= before:
            report.leftovers.append(entry.key)
    for folder in range(256):
        keys = [item.key async for item in hub.store.list(f"{OBJECTS}{folder:02x}/") if item.modified_at <= before]
        ids = {object_id for key in keys if (object_id := parse_object_key(key))}
        async with hub.database.read() as connection:
            held = await existing_object_rows(connection, ids)
        report.leftovers += [key for key in keys if parse_object_key(key) not in held]
