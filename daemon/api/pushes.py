"""Pushes: those that were, and one to be done now."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from museui.core.errors import NotFound, Usage
from museui.core.ids import CommitId
from museui.core.names import check_branch
from museui.core.phases import PhaseEnded, PhaseEvent, PhaseProgressed, PhaseStarted
from museui.local.messages import encode
from museui.repo.repository import Repository

from ..history.sent_commits import read_sent_commits
from ..pushing.pusher import Waiter
from ..queue.entry import Target, offer, woken
from ..repositories.look import find_remote
from ..service import Service
from .fields import check_known, need, need_path, take, take_number
from .server import Lines, Request
from .withdraw import end_push, is_wanted

_MAX_LISTED = 1000


async def get_pushes(service: Service, request: Request) -> dict[str, Any]:
    """The history, newest first: ``repository`` (its id), ``before`` (a push's number), ``limit``."""
    limit = take_number(request.query, "limit", 1, _MAX_LISTED) or 50
    before = take_number(request.query, "before", 1, 1 << 62)
    pushes = await service.history.read(find_path(service, request), before, limit)
    return {"pushes": [encode(push) for push in pushes]}


async def get_push(service: Service, request: Request, number: str) -> dict[str, Any]:
    """One push."""
    running = service.board.items("pushes").get(number)
    if running:
        return {"push": running}
    if not number.isdecimal() or len(number) > 18:
        raise NotFound("a push's number is a whole number")
    return {"push": encode(await service.history.read_one(int(number)))}


async def get_push_commits(service: Service, request: Request, number: str) -> dict[str, Any]:
    """The commits that it sent, as far as they can be read here."""
    push = (await get_push(service, request, number))["push"]
    what = (push["path"], push["head"], push["previous_head"], push["commits"])
    return {"commits": [encode(commit) for commit in await asyncio.to_thread(read_sent_commits, *what)]}


async def get_usual(service: Service, request: Request) -> dict[str, Any]:
    """Medians and 95th percentiles of each phase, for each repository or for one."""
    return {"usual": await service.history.usual(find_path(service, request))}


def find_path(service: Service, request: Request) -> str | None:
    """The repository that the query names. Raises :class:`NotFound`."""
    repository_id = request.query.get("repository")
    return service.repository(repository_id) if repository_id else None


async def post_pushes(service: Service, request: Request) -> Lines:
    """Push a branch now and tell how it goes: its phase events, then ``result`` with the document of the push.

    The repository need not be one that is looked after. ``token`` is used once and not kept.
    """
    check_known(request.body, {"path", "remote", "branch", "token"})
    path, branch = need_path(request.body, "path"), check_branch(need(request.body, "branch", str))
    remote = take(request.body, "remote", str)
    target, head = await asyncio.to_thread(_find_target, path, remote, branch)
    waiter = service.pusher.wait_for(target, take(request.body, "token", str))
    entry = service.queue.get(target)
    if entry is None or entry.pushing != head:
        service.queue.put(woken(offer(entry, target, head, time.time()), urgent=True))
    return _follow(service, target, waiter)


async def post_leave(service: Service, request: Request) -> dict[str, Any]:
    """End the push of a branch that somebody asked for and wants no longer, unless it would be done without them.

    ``document`` is what came of a push that was ended; null when it goes on, or when there was none any more.
    """
    check_known(request.body, {"path", "remote", "branch"})
    path, branch = need_path(request.body, "path"), check_branch(need(request.body, "branch", str))
    target, _ = await asyncio.to_thread(_find_target, path, take(request.body, "remote", str), branch)
    entry = service.queue.get(target)
    if entry is None:
        return {"goes_on": False, "document": None}
    if is_wanted(service, entry):
        return {"goes_on": True, "document": None}
    return {"goes_on": False, "document": await end_push(service, target)}


def _find_target(path: str, remote: str | None, branch: str) -> tuple[Target, CommitId]:
    repository = Repository.open(Path(path))
    head = repository.read_branch(branch)
    if head is None:
        raise Usage(f"there is no branch {branch!r} with a commit")
    return Target(str(repository.root), find_remote(repository, remote).name, branch), head


async def _follow(service: Service, target: Target, waiter: Waiter) -> Lines:
    try:
        while True:
            event = await waiter.events.get()
            if isinstance(event, dict):
                yield [{"event": "result", "document": event}]
                return
            yield [_phase_event(event)]
    finally:
        service.pusher.leave(target, waiter)


def _phase_event(event: PhaseEvent) -> dict[str, Any]:
    match event:
        case PhaseStarted():
            return {"event": "started", "name": event.name}
        case PhaseProgressed():
            return {
                "event": "progressed",
                "name": event.name,
                "seconds": event.seconds,
                "done": event.done,
                "total": event.total,
                "unit": event.unit,
            }
        case PhaseEnded():
            return {"event": "ended", **event.to_json()}
