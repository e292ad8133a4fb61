"""``push/presign``: where single objects may be PUT, and which of them need not be sent again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from museui.core.errors import Invalid, TooLarge
from museui.core.ids import ObjectId, parse_id
from museui.core.limits import Limits
from museui.core.wire import ObjectsPresignRequest, parse

from ...index.history import existing_objects
from ...store.keys import UploadSpec
from ..desk import PushParts
from ..expired import drop_expired
from ..quota import expect_objects, find_room
from ..receive import Destination
from .pending import find_pending
from .staged import StagedObjects

_SIGNED_AT_ONCE = 64

Sizes = Mapping[ObjectId, int]


def parse_object_ids(message: Any, limits: Limits) -> dict[str, ObjectId]:
    """``object_ids`` of a message: as they are spelled there → bare. Raises :class:`Invalid` or :class:`TooLarge`."""
    if not isinstance(message, dict):
        raise Invalid("the message is not a map")
    ids = message.get("object_ids")
    if not isinstance(ids, list):
        raise Invalid("field 'object_ids' is not a list", details={"field": "object_ids"})
    if len(ids) > limits.presign_max_objects:
        raise TooLarge(
            f"field 'object_ids' has {len(ids)} ids, more than {limits.presign_max_objects}",
            hint="Ask for some of them at a time.",
            details={"presign_max_objects": limits.presign_max_objects},
        )
    return {str(item): ObjectId(parse_id(item, "field 'object_ids'")) for item in ids}


def parse_sizes(message: Any, limits: Limits) -> Sizes:
    """What a ``push/presign`` announces. Raises :class:`TooLarge` naming an object that no push may hold."""
    ask = parse(ObjectsPresignRequest, message)
    if ask.sizes is None:
        return {}
    if len(ask.sizes) != len(ask.object_ids):
        raise Invalid(
            f"field 'sizes' has {len(ask.sizes)} entries for {len(ask.object_ids)} objects", details={"field": "sizes"}
        )
    sizes = dict(zip(ask.object_ids, ask.sizes, strict=True))
    limit = limits.max_object_bytes
    if too_large := next((item for item, size in sizes.items() if size > limit), None):
        raise TooLarge(
            f"object {too_large} has {sizes[too_large]} bytes, more than {limit}",
            details={"object_id": too_large, "size_bytes": sizes[too_large], "max_object_bytes": limit},
        )
    return sizes


async def presign_uploads(
    hub: PushParts,
    destination: Destination,
    asked: Mapping[str, ObjectId],
    sizes: Sizes,
    hub_url: str,
    *,
    put_headers: bool = False,
    ttl_s: int | None = None,
) -> dict[str, Any]:
    """The answer of ``push/presign`` for ``asked`` (as spelled → bare).

    What is said to be present is in this repository, or was sent for it by this very user: of other repositories and
    other people nothing can be learned here.  A repository that a push would make is not made yet.  Where a quota is
    to bound what arrives, an object whose length nobody told is ``inline``.
    Raises :class:`~museui.core.errors.Quota` when there is no room for what must be sent.
    """
    wanted = set(asked.values())
    present: set[ObjectId] = set()
    if destination.repository is not None:
        async with hub.database.read() as connection:
            present = await existing_objects(connection, destination.repository.id, wanted)
            present |= await find_pending(connection, destination.repository.id, destination.user_id, wanted - present)
    staged = StagedObjects(hub.store, destination.name, destination.user_id)
    present |= (await staged.find(wanted - present)).keys()
    ttl_s = min(ttl_s or hub.settings.upload_ttl_s, hub.settings.upload_ttl_s)
    expires_at = math.ceil(hub.now()) + ttl_s
    missing = wanted - present
    unbounded = await _reserve(hub, destination, {item: sizes[item] for item in missing if item in sizes}, expires_at)
    inline = set() if unbounded else missing - sizes.keys()
    presigned: dict[str, str] = {}
    headers: dict[str, dict[str, str]] = {}
    for spelling, object_id in asked.items():
        if object_id in present or object_id in inline:
            continue
        spec = UploadSpec(
            staged.upload_id(object_id), sizes.get(object_id), object_id, expires_at, put_headers=put_headers
        )
        target = await hub.store.presign_put(spec, hub_url)
        presigned[spelling] = target.url
        if target.headers:
            headers[spelling] = target.headers
        if not len(presigned) % _SIGNED_AT_ONCE:
            await asyncio.sleep(0)  # signing takes the processor, which others want too
    return {
        "presigned": presigned,
        "inline": [spelling for spelling, object_id in asked.items() if object_id in inline],
        "present": [spelling for spelling, object_id in asked.items() if object_id in present],
        "headers": headers,
        "expires_in": ttl_s,
    }


async def _reserve(hub: PushParts, destination: Destination, sizes: Sizes, expires_at: float) -> bool:
    """Reserve room for what may arrive; whether no quota bounds it. Raises :class:`~museui.core.errors.Quota`."""
    quotas, place, now = hub.settings.quotas, destination.place, hub.now()
    async with hub.database.read() as connection:
        if not await find_room(connection, quotas, place, None):
            return True
    await drop_expired(hub, place)
    if sizes:
        user_id = destination.user_id
        await hub.database.change(
            lambda connection: expect_objects(hub.database, connection, quotas, place, user_id, sizes, now, expires_at)
        )
    return False
