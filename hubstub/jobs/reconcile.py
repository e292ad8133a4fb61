"""What a hub that died has left lying about: everything that no row of the index speaks of is removed, nothing else."""

from __future__ import annotations

import logging

from sqlalchemy import select

from ..index.schema import bundles
from ..log import log_facts
from ..push.pending import forget_pending
from ..push.spool import Spool
from ..push.uploads import KEPT_S, forget_uploads, live_upload_ids
from ..state import HubState
from ..store.base import BUNDLES, OBJECT_UPLOAD, STAGING

_log = logging.getLogger("hubstub.reconcile")


async def clear_temporary(hub: HubState) -> None:
    """Remove what an earlier process was writing. Only at the start, before anything is received."""
    await Spool(hub.settings.spool_dir).clear()
    await hub.store.recover()


async def remove_leftovers(hub: HubState, grace_s: float = 0.0) -> list[str]:
    """Remove stored bundles and staged bytes that no row knows, older than ``grace_s``; their keys.

    Staged objects, of which no row ever knows, go when they are as old as an upload that nobody may confirm any more.
    Pushes that run meanwhile are safe: what is found is judged only once each push that was running then has ended.
    Nobody here knows what other hubs are storing, so where there may be some a bundle must be a day old.
    """
    before = hub.now() - grace_s
    with_others = hub.database.is_shared and hub.settings.store is not None
    stored_before = hub.now() - max(grace_s, KEPT_S if with_others else 0.0)
    found = {entry.key async for entry in hub.store.list(BUNDLES) if entry.modified_at <= stored_before}
    kept_since = hub.now() - KEPT_S - hub.settings.upload_ttl_s
    staged = {
        entry.key
        async for entry in hub.store.list(STAGING)
        if entry.modified_at <= (kept_since if entry.key.startswith(STAGING + OBJECT_UPLOAD) else before)
    }
    await hub.desk.wait_idle()
    async with hub.database.write() as connection:
        await forget_uploads(connection, hub.now())
        await forget_pending(connection, hub.now())
        live = {STAGING + upload_id for upload_id in await live_upload_ids(connection, hub.now())}
        live |= {BUNDLES + bundle for bundle in (await connection.execute(select(bundles.c.id))).scalars()}
    leftovers = sorted((found | staged) - live)
    if leftovers:
        await hub.store.delete(leftovers)
        log_facts(_log, "removed leftovers", count=len(leftovers))
    return leftovers
