"""What waits: list, try again now, cancel."""

from __future__ import annotations

from typing import Any

from museui.core.errors import NotFound

from ..queue.entry import Entry, cancelled, woken
from ..service import Service
from .server import Request


async def get_queue(service: Service, request: Request) -> dict[str, Any]:
    """Every entry."""
    return {"queue": list(service.board.items("queue").values())}


async def post_retry_all(service: Service, request: Request) -> dict[str, Any]:
    """Try every entry now, but for those that somebody cancelled."""
    entries = [entry for entry in service.queue if entry.pushing is None and entry.state != "cancelled"]
    for entry in entries:
        service.queue.put(woken(entry))
    service.hubs.probe_now()
    return {"ok": True, "retried": len(entries)}


async def post_retry(service: Service, request: Request, entry_id: str) -> dict[str, Any]:
    """Try one entry now, whatever it waits for."""
    entry = _entry(service, entry_id)
    if entry.pushing is None:
        service.queue.put(woken(entry, urgent=True))
    return {"ok": True, "retried": 1}


async def post_cancel(service: Service, request: Request, entry_id: str) -> dict[str, Any]:
    """Do not push this: it rests until the next commit, or until it is retried. A push that runs is ended."""
    entry = _entry(service, entry_id)
    if entry.pushing is None:
        service.queue.put(cancelled(entry))
    else:
        service.pusher.cut(entry.target, None)
    return {"ok": True}


def _entry(service: Service, entry_id: str) -> Entry:
    entry = service.queue.by_id(entry_id)
    if entry is None:
        raise NotFound("there is no such entry in the queue", hint="`museui queue list` shows what waits.")
    return entry
