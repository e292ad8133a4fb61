"""Clearing away what a hub that died left and never acknowledged: its own files, and staged bytes.

Stored bundles and objects without a row are left to collections (:mod:`hubstub.maintenance.leftovers`).
"""

from __future__ import annotations

import logging

from ..arrivals.spool import Spool
from ..arrivals.uploads import forget_uploads
from ..identity import find_bar
from ..log import log_facts
from ..maintenance.leftovers import MIN_AGE_S, collect_staged
from ..maintenance.tally import GcOptions, Tally
from ..push.objects.pending import forget_pending
from ..state import HubState

_log = logging.getLogger("hubstub.reconcile")


async def clear_temporary(hub: HubState) -> None:
    """Remove what an earlier process was writing. Only at the start, before anything is received."""
    await Spool(hub.settings.spool_dir).clear()
    await hub.store.recover()


async def sweep_staging(hub: HubState) -> None:
    """Forget uploads that nobody may confirm any more, and remove what was staged for them.

    What no row knows of goes when a sweep has seen it so for an hour, whatever its age; nothing does while the index
    is an older copy, or in a store that has become another hub's.
    """
    async with hub.database.write() as connection:
        await forget_uploads(connection, hub.now())
        await forget_pending(connection, hub.now())
    if await find_bar(hub.database, hub.store):
        return
    tally = Tally()
    await collect_staged(hub, GcOptions(apply=True, grace_s=MIN_AGE_S), tally)
    if files := tally.taken.get("files"):
        log_facts(_log, "removed staged files", count=files.count)
