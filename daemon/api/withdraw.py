"""A person who asked for a push and does so no longer: it is ended, unless it would be done without them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..queue.entry import Entry, Target
from ..service import Service


def is_wanted(service: Service, entry: Entry) -> bool:
    """Whether the entry would be pushed now without the person who asked for it."""
    target = entry.target
    watched, seen = service.roster.watched.get(target.repository), service.roster.seen.get(target.repository)
    if service.pusher.count_waiters(target) > 1:
        return True
    if watched is None or seen is None or seen.remote != target.remote or not watched.wants(target.branch):
        return False
    return entry.state == "waiting" and not service.held(replace(entry, urgent=False))


async def end_push(service: Service, target: Target) -> dict[str, Any]:
    """End the push, whether it runs or waits, and return the document of what came of it.

    Its entry waits on as if nobody had asked.
    """
    waiter = service.pusher.wait_for(target, None)
    try:
        if not service.pusher.park(target):
            _withdraw(service, target)
        while not isinstance(event := await waiter.events.get(), dict):
            pass
    finally:
        service.pusher.leave(target, waiter)
    return event


def _withdraw(service: Service, target: Target) -> None:
    entry = service.queue.get(target)
    if entry and target.repository in service.roster.watched:
        service.queue.put(replace(entry, urgent=False))
        service.roster.ask([target.repository])
    else:
        service.queue.drop(target)
    service.pusher.dismiss(target)
