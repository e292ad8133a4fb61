"""Checking every object against its id, where the index says that it lies: under its own key or in a bundle."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, exists, func, not_, select

from museui.core.errors import Integrity, NotFound
from museui.core.frames import FrameTable, StretchReader
from museui.core.ids import ObjectId, qualified

from ..index.job_queue import BUNDLE_INDEX
from ..index.schema import bundles, jobs, objects, repository_objects
from ..parts import HubParts
from ..store.base import ObjectStore
from ..store.keys import bundle_key, object_key
from .findings import MEND_OBJECT, OBJECT, Finding, Part, Report

_AT_ONCE = 256
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Held:
    """A row of ``objects``: in the bundle at ``offset``, or (None) under its own key."""

    id: ObjectId
    size_bytes: int
    bundle: str | None
    offset: int

    @property
    def where(self) -> str:
        """The key in the store."""
        return bundle_key(self.bundle) if self.bundle else object_key(self.id)


async def check_bundles(hub: HubParts, part: Part, report: Report, after: str) -> AsyncIterator[str]:
    """Every stored bundle against its id, and what lies in it; gives the bundle behind which it is."""
    waits = exists().where(objects.c.bundle == bundles.c.id)
    while True:
        query = select(bundles).where(bundles.c.id > after, waits).order_by(bundles.c.id).limit(1)
        async with hub.database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return
            held = await _read_held(hub, (objects.c.bundle == row.id, *_within(part)), objects.c.raw_offset)
            job = select(jobs.c.id).where(jobs.c.kind == BUNDLE_INDEX, jobs.c.subject == row.id)
            promoted = (await connection.execute(job)).first()
        actual = await asyncio.to_thread(_hash_key, hub.store, bundle_key(row.id))
        wrong = _judge(actual, row.bundle_id.hex(), row.size_bytes)
        if wrong and actual is not None and await _still_there(hub, row.id):
            report.add(Finding("bundle", row.id, bundle_key(row.id), wrong, MEND_OBJECT))
        if not promoted and await _still_there(hub, row.id):
            reason = "no job promotes it"
            report.add(Finding("job", row.id, bundle_key(row.id), reason, "Run 'museui hub fsck --repair'."))
        if actual is None:  # promoted since the index was copied: every object lies under its own key, or is lost
            digests = await asyncio.to_thread(_hash_own, hub.store, held)
            lost = any(_judge(digests[item.id], item.id, item.size_bytes) for item in held)
            if lost and await _still_there(hub, row.id):
                report.add(Finding("bundle", row.id, bundle_key(row.id), wrong, MEND_OBJECT))
        else:
            digests = await asyncio.to_thread(_hash_stretches, hub.store, row.id, FrameTable.decode(row.frames), held)
        await _judge_held(hub, held, digests, report)
        report.count("bundles")
        after = row.id
        yield after


async def check_objects(hub: HubParts, part: Part, report: Report, after: str) -> AsyncIterator[str]:
    """Every object of ``part`` under its own key; gives the id behind which it is."""
    while True:
        own = (objects.c.bundle.is_(None), objects.c.id > bytes.fromhex(after), *_within(part))
        page = await _read_held(hub, own, objects.c.id, _AT_ONCE)
        if not page:
            return
        hashed = await asyncio.gather(
            *(asyncio.to_thread(_hash_own, hub.store, page[at::_THREADS]) for at in range(_THREADS))
        )
        digests = {object_id: found for some in hashed for object_id, found in some.items()}
        await _judge_held(hub, page, digests, report)
        after = page[-1].id
        yield after


async def check_members(hub: HubParts, part: Part, report: Report, after: str) -> AsyncIterator[str]:
    """Every object that a repository holds must be in the index; gives the id behind which it is."""
    member = repository_objects.c.object_id
    first, end = part.bounds
    while True:
        query = (
            select(member, func.count().label("count"))
            .where(member > bytes.fromhex(after), member >= first, member < end)
            .where(not_(exists().where(objects.c.id == member)))
            .group_by(member)
            .order_by(member)
            .limit(_AT_ONCE)
        )
        async with hub.database.read() as connection:
            rows = (await connection.execute(query)).all()
        for row in rows:
            reason = f"nothing says where it lies, and {row.count} repositories hold it"
            after = row.object_id.hex()
            report.add(Finding(OBJECT, after, object_key(after), reason, MEND_OBJECT))
        if not rows:
            return
        yield after


def _within(part: Part) -> Sequence[object]:
    first, end = part.bounds
    return (objects.c.id >= first, objects.c.id < end)


async def _read_held(hub: HubParts, where: Iterable[object], order: object, limit: int | None = None) -> list[Held]:
    query = select(objects).where(*where).order_by(order).limit(limit)  # type: ignore[arg-type]
    async with hub.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [place_of(row) for row in rows]


def place_of(row: Row[*tuple[Any, ...]]) -> Held:
    """What a row of ``objects`` says."""
    return Held(ObjectId(row.id.hex()), row.size_bytes, row.bundle, row.raw_offset or 0)


def _hash_key(store: ObjectStore, key: str) -> tuple[str, int] | None:
    """Digest and size of what lies under ``key``, None when nothing does."""
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        for piece in store.read(key):
            digest.update(piece)
            size_bytes += len(piece)
    except NotFound:
        return None
    return digest.hexdigest(), size_bytes


def _hash_own(store: ObjectStore, held: Sequence[Held]) -> dict[ObjectId, tuple[str, int] | None]:
    return {item.id: _hash_key(store, object_key(item.id)) for item in held}


def _hash_stretches(
    store: ObjectStore, bundle: str, frames: FrameTable, held: Sequence[Held]
) -> dict[ObjectId, tuple[str, int] | None]:
    reader = StretchReader(lambda offset: store.read(bundle_key(bundle), offset), frames)
    found: dict[ObjectId, tuple[str, int] | None] = {}
    for item in held:
        digest = hashlib.sha256()
        try:
            for piece in reader.pieces(item.offset, item.size_bytes):
                digest.update(piece)
            found[item.id] = digest.hexdigest(), item.size_bytes
        except (Integrity, NotFound):
            found[item.id] = None
    return found


async def _judge_held(
    hub: HubParts, held: Sequence[Held], digests: dict[ObjectId, tuple[str, int] | None], report: Report
) -> None:
    """Note what does not hash to its id, unless it has been moved or collected since."""
    for item in held:
        report.count("objects")
        report.count("bytes", item.size_bytes)
        wrong = _judge(digests[item.id], item.id, item.size_bytes)
        if wrong and item in await _read_held(hub, [objects.c.id == bytes.fromhex(item.id)], objects.c.id):
            report.add(Finding(OBJECT, item.id, item.where, wrong, MEND_OBJECT))


def _judge(actual: tuple[str, int] | None, expected: str, size_bytes: int) -> str:
    """What is wrong, in words; nothing when all is well."""
    if actual is None:
        return "it is missing"
    if actual[1] != size_bytes:
        return f"it has {actual[1]} bytes, not {size_bytes}"
    if actual[0] != expected:
        return f"its bytes are others: they hash to {qualified(actual[0][:12])}…"
    return ""


async def _still_there(hub: HubParts, bundle: str) -> bool:
    query = select(bundles.c.id).where(bundles.c.id == bundle, exists().where(objects.c.bundle == bundles.c.id))
    async with hub.database.read() as connection:
        return (await connection.execute(query)).first() is not None
