"""``push/bundle/presign``: where a bundle may be PUT, and the refusals that need none of its bytes."""

from __future__ import annotations

import logging
import math
import time

from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Invalid, TooLarge
from museui.core.limits import Limits
from museui.core.wire import PresignAnswer, PresignRequest

from ..arrivals.uploads import find_open_upload, open_upload, renew_upload, require_few_open
from ..index.locks import lock_user
from ..log import log_facts
from ..metrics import PUSH_SECONDS
from ..people.repositories import RepositoryRow
from ..people.tokens import Caller
from ..store.keys import UploadSpec, staging_key
from .advance import check_lease, read_head, require_few_branches
from .desk import PushParts
from .expired import drop_expired
from .policy import check_force, read_rules
from .quota import place_of, reserve_room

_log = logging.getLogger("hubstub.push")


def declared_bytes(ask: PresignRequest) -> int:
    """Return the bytes that the bundle will take: on the wire, or, when it is said to have objects, expanded."""
    return ask.size_bytes if ask.objects == 0 else max(ask.size_bytes, ask.raw_bytes or 0)


def check_ask(ask: PresignRequest, limits: Limits, lease: bool, repository: RepositoryRow | None) -> None:
    """Refuse what needs no look into the repository (None: there is none yet).

    Raises :class:`TooLarge` or :class:`Invalid` for a bundle of a size that cannot be, and
    :class:`~museui.core.errors.StaleLease`.
    """
    limit = limits.max_bundle_bytes
    if ask.size_bytes > limit:
        raise TooLarge(
            f"the bundle has {ask.size_bytes} bytes, more than {limit}",
            hint="Push fewer commits at a time.",
            details={"size_bytes": ask.size_bytes, "max_bundle_bytes": limit},
        )
    if not ask.size_bytes:
        raise Invalid("field 'size_bytes' is 0, and no bundle is empty", details={"field": "size_bytes"})
    if repository is None and lease and ask.branch is not None:
        check_lease(ask.branch, ask.expected_head, None)


async def presign_upload(
    hub: PushParts, repository: RepositoryRow, caller: Caller, ask: PresignRequest, lease: bool, hub_url: str
) -> PresignAnswer:
    """A URL for the bundle, and whether its bytes have arrived already.

    ``lease``: whether ``expected_head`` is one.  Raises :class:`~museui.core.errors.StaleLease`,
    :class:`~museui.core.errors.Quota`, :class:`TooLarge` for one branch too many, and
    :class:`~museui.core.errors.Denied` when a protected branch is to be forced.
    """
    began = time.perf_counter()
    async with hub.database.read() as connection:
        if ask.branch is not None:
            current = await read_head(connection, repository.id, ask.branch)
            if lease and (current is None or current != ask.head):
                check_lease(ask.branch, ask.expected_head, current)
            if current is None:
                await require_few_branches(connection, repository.id, hub.settings.limits.max_branches)
            elif ask.force:
                check_force(ask.branch, await read_rules(connection, repository.id, caller.user_id, ask.branch))
        known = await find_open_upload(connection, repository.id, caller.user_id, ask.bundle_id, ask.size_bytes)
    place = place_of(repository)
    await drop_expired(hub, place)
    staged = await hub.store.stat(staging_key(known.id)) if known else None
    arrived_id = known.id if known and staged and staged.size_bytes == ask.size_bytes else None
    now = hub.now()
    expires_at = math.ceil(now) + hub.settings.upload_ttl_s

    async def renew_or_open(connection: AsyncConnection) -> str:
        await lock_user(connection, caller.user_id)
        newest = await find_open_upload(connection, repository.id, caller.user_id, ask.bundle_id, ask.size_bytes)
        again = newest.id if newest and (newest.id == arrived_id or newest.expires_at > now) else None
        await reserve_room(connection, hub.settings.quotas, place, declared_bytes(ask), now, again)
        if again is not None:
            await renew_upload(connection, again, ask.raw_bytes, expires_at)
            return again
        await require_few_open(connection, caller.user_id, hub.settings.max_open_uploads, now)
        return await open_upload(
            connection,
            repository.id,
            caller.user_id,
            ask.bundle_id,
            ask.size_bytes,
            ask.raw_bytes,
            now,
            expires_at,
        )

    upload_id = await hub.database.change(renew_or_open)
    present = upload_id == arrived_id
    # A client that looks at the URL alone sends the bytes again; one that promised If-None-Match knows better.
    sent_again = present and not ask.put_headers
    spec = UploadSpec(upload_id, ask.size_bytes, ask.bundle_id, expires_at, ask.put_headers, sent_again)
    target = await hub.store.presign_put(spec, hub_url)
    seconds = time.perf_counter() - began
    PUSH_SECONDS.labels("bundle", "presign").observe(seconds)
    log_facts(
        _log,
        "push/bundle/presign",
        repository=repository.name,
        user=caller.name,
        upload_id=upload_id,
        size_bytes=ask.size_bytes,
        already_present=present,
        seconds=round(seconds, 6),
    )
    return PresignAnswer(
        bundle_id=ask.bundle_id,
        presigned_url=target.url,
        upload_id=upload_id,
        expires_in=hub.settings.upload_ttl_s,
        headers=target.headers,
        already_present=present,
    )
