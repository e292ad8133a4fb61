"""``push/confirm``: objects that were sent one at a time become a push, once every one of them has really arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from museui.core.errors import Integrity, TooLarge, Unavailable
from museui.core.failpoints import failpoint
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.wire import PushAnswer, PushTarget, parse_target

from ...arrivals.spool import Spool, Spooled
from ...index.history import existing_objects
from ...store.keys import Entry
from ..desk import PushParts
from ..receive import Destination, receive_push
from ..record import Sent
from .pending import find_pending
from .source import CHANGED, ConfirmBody, GatheredSource, read_confirm_body
from .staged import StagedObjects

_STRATEGY = "objects"
_TRIES = 3
"""Another push of the same user may take what this one reads; then it is in the repository."""


async def confirm_objects(
    hub: PushParts, find_destination: Callable[[], Awaitable[Destination]], spool: Spool, arrived: Spooled
) -> PushAnswer:
    """Turn the objects and records that ``arrived``, the body of a confirm, names into a push.

    Raises :class:`Integrity` naming an object that is not there or is another, and as
    :func:`~hubstub.push.receive.receive_push` does.
    """
    limits = hub.settings.limits
    body = await asyncio.to_thread(lambda: read_confirm_body(arrived.read(), limits))
    target = parse_target(body.target)
    destination = await find_destination()
    async with hub.desk.alone(f"{destination.name}-{destination.user_id}-{arrived.sha256}"):
        for left in reversed(range(_TRIES)):
            destination = await find_destination()
            try:
                answer = await _confirm_new(hub, destination, spool, arrived, body, target)
                break
            except Unavailable as exc:
                if exc.details.get("rule") != CHANGED or not left:
                    raise
    assert answer is not None, "the last try answers or raises"
    failpoint("confirm.answered")
    return answer


async def _confirm_new(
    hub: PushParts, destination: Destination, spool: Spool, arrived: Spooled, body: ConfirmBody, target: PushTarget
) -> PushAnswer:
    staged, present = await _find_announced(hub, destination, body)
    check_sizes(staged, hub.settings.limits)
    sent_bytes = arrived.size_bytes + sum(entry.size_bytes for entry in staged.values())
    sent = Sent(arrived.sha256, sent_bytes, present, staged.keys())
    try:
        with spool.reserve() as copy:
            source = GatheredSource(hub.store, arrived.read, body, staged, copy)
            answer = await receive_push(hub, destination, source, lambda _: target, _STRATEGY, sent=sent)
    except Integrity as exc:
        damaged = staged.get(ObjectId(str(exc.details.get("object_id"))))
        if damaged is not None:
            await hub.store.delete([damaged.key])  # these bytes can never be confirmed; let the right ones come
        raise
    await hub.store.delete([entry.key for entry in staged.values()])
    return answer


async def _find_announced(
    hub: PushParts, destination: Destination, body: ConfirmBody
) -> tuple[dict[ObjectId, Entry], int]:
    """Return where the announced objects are staged, in their order, and how many were not sent, since they are here.

    What was sent is taken although the repository has it: it is verified now, and nobody knows of what lies there.
    Raises :class:`Integrity` when some are nowhere: as far as this user and repository can know.
    """
    repository, user_id = destination.repository, destination.user_id
    # In this order: what another push takes from the staging area is in the repository before.
    staged = await StagedObjects(hub.store, destination.name, user_id).find(body.object_ids)
    wanted, present = body.object_ids, set[ObjectId]()
    if repository is not None:
        async with hub.database.read() as connection:
            present = await existing_objects(connection, repository.id, wanted)
            here = present | await find_pending(connection, repository.id, user_id, set(wanted) - present)
        wanted = [item for item in wanted if item not in here]
    _require_arrived(wanted, staged)
    return {item: staged[item] for item in body.object_ids if item in staged}, len(present - staged.keys())


def _require_arrived(wanted: Collection[ObjectId], arrived: Collection[ObjectId]) -> None:
    missing = [item for item in wanted if item not in arrived]
    if missing:
        raise Integrity(
            f"object {missing[0]} was announced and has not arrived"
            + (f", nor have {len(missing) - 1} others" if missing[1:] else ""),
            hint="Presign and PUT what is missing, then confirm again.",
            details={"rule": "arrived", "missing": missing[:100], "missing_objects": len(missing)},
        )


def check_sizes(staged: Mapping[ObjectId, Entry], limits: Limits) -> None:
    """Raise :class:`TooLarge` naming the first staged object that no push may hold, alone or after those before it."""
    total = 0
    for object_id, entry in staged.items():
        total += entry.size_bytes
        if entry.size_bytes > limits.max_object_bytes or total > limits.max_raw_bytes:
            raise TooLarge(
                f"object {object_id} has {entry.size_bytes} bytes, which is too much",
                details={
                    "object_id": object_id,
                    "size_bytes": entry.size_bytes,
                    "max_object_bytes": limits.max_object_bytes,
                },
            )
