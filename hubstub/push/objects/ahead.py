"""Objects that are sent ahead of the push that names them: verified and stored, and nobody's yet but the sender's.

What comes is a bundle of objects alone, so it is read, checked and stored like any bundle, and promoted like one.
"""

from __future__ import annotations

import secrets
from contextlib import closing

from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Integrity, TooLarge
from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId

from ...arrivals.spool import Spool
from ...index.history import existing_objects
from ...index.job_queue import BUNDLE_INDEX, add_job
from ...people.repositories import RepositoryRow, hold_repository
from ...people.tokens import Caller
from ..desk import PushParts
from ..quota import forget_expected, place_of, reserve_room
from ..receive import Destination, destination_of, open_with_room, read_source, stored_as
from ..record import insert_bundle
from ..sources import PushSource
from ..verify import Contents
from .confirm import check_sizes
from .pending import add_pending, find_pending
from .source import ConfirmBody, GatheredSource
from .staged import StagedObjects

_EMPTY_MAP = b"\x80"
_NO_RECORDS = ConfirmBody(target={}, object_ids=[], keys=0, head_bytes=len(_EMPTY_MAP), raw_bytes=len(_EMPTY_MAP))
MAX_OBJECTS = 1000
"""How many objects one ``push/objects`` may bring."""


async def receive_objects(hub: PushParts, destination: Destination, source: PushSource) -> tuple[int, int]:
    """Let the objects of ``source`` wait for their push; how many are new, and how many were here or waited already.

    Raises as :func:`~hubstub.push.verify.read_contents` does, :class:`TooLarge` for more than :data:`MAX_OBJECTS`,
    :class:`~museui.core.errors.Quota` without room for them, and what ``destination.open`` raises.
    """
    async with hub.desk.slot():
        with closing(await read_source(hub, source)) as contents:
            if len(contents.objects) > MAX_OBJECTS:
                raise TooLarge(
                    f"{len(contents.objects)} objects at once, more than {MAX_OBJECTS}",
                    hint="Send some of them at a time.",
                    details={"max_objects": MAX_OBJECTS},
                )
            asked_bytes = sum(size for _, size in contents.objects.values())
            repository, caller = await open_with_room(hub, destination, asked_bytes, hub.now())
            new = await keep_ahead(hub, repository, caller, source, contents)
    hub.jobs_waiting.set()
    return new, len(contents.objects) - new


async def keep_ahead(
    hub: PushParts, repository: RepositoryRow, caller: Caller, source: PushSource, contents: Contents
) -> int:
    """Store the objects of ``contents``, which is in ``source``, for the caller's next push; how many are new.

    They are expected no more.
    """
    async with hub.database.read() as connection:
        known = await existing_objects(connection, repository.id, contents.objects)
        known |= await find_pending(connection, repository.id, caller.user_id, contents.objects.keys() - known)
    sizes = {item: size for item, (_, size) in contents.objects.items() if item not in known}
    if not contents.objects:
        return 0
    bundle = secrets.token_hex(16)

    async def record(connection: AsyncConnection) -> None:
        now = hub.now()
        await hold_repository(connection, repository.id)
        await forget_expected(connection, repository.name, caller.user_id, contents.objects)
        await reserve_room(connection, hub.settings.quotas, place_of(repository), sum(sizes.values()), now)
        await insert_bundle(hub.database, connection, bundle, contents, now)
        await add_pending(hub.database, connection, repository.id, caller.user_id, sizes, now)
        await add_job(connection, BUNDLE_INDEX, bundle, now)

    async with stored_as(hub, source, bundle):
        failpoint("ahead.stored")
        await hub.database.change(record)
    return len(sizes)


async def adopt_staged(hub: PushParts, destination: Destination, contents: Contents) -> Destination:
    """Let what ``contents`` needs, and its sender PUT to presigned URLs before, wait for this push.

    Also what the repository has already: these bytes are verified now, and nobody knows of what lies there.

    The destination as it is then.  Raises :class:`Integrity` naming an object whose bytes are not its own, which are
    removed, and as :func:`receive_objects` does.
    """
    outside = contents.needed_objects - contents.objects.keys()
    staged = await StagedObjects(hub.store, destination.name, destination.user_id).find(outside)
    if not staged:
        return destination
    check_sizes(staged, hub.settings.limits)
    try:
        with Spool(hub.settings.spool_dir).reserve() as copy:
            source = GatheredSource(hub.store, lambda: iter([_EMPTY_MAP]), _NO_RECORDS, staged, copy)
            with closing(await read_source(hub, source)) as found:
                asked_bytes = sum(size for part in (contents, found) for _, size in part.objects.values())
                repository, caller = await open_with_room(hub, destination, asked_bytes, hub.now())
                await keep_ahead(hub, repository, caller, source, found)
    except Integrity as exc:
        damaged = staged.get(ObjectId(str(exc.details.get("object_id"))))
        if damaged is not None:
            await hub.store.delete([damaged.key])  # these bytes can never be pushed; let the right ones come
        raise
    hub.jobs_waiting.set()
    await hub.store.delete([entry.key for entry in staged.values()])
    return destination_of(repository, caller)
