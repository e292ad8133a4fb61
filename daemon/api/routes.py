"""Which request is answered by what. ``docs/daemon.md`` has the same list; a test compares the two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from museui.core.errors import NotFound
from museui.local.places import API_VERSION

from ..service import Service
from . import daemon, deliveries, hubs, pushes, queue, repositories
from .server import Lines, Request

Answer = dict[str, Any] | Lines
Endpoint = Callable[..., Awaitable[Answer]]

ROUTES: Mapping[str, Endpoint] = {
    "GET version": daemon.get_version,
    "GET state": daemon.get_state,
    "GET events": daemon.get_events,
    "GET doctor": daemon.get_doctor,
    "POST reload": daemon.post_reload,
    "POST stop": daemon.post_stop,
    "PATCH tui": daemon.patch_tui,
    "GET hubs/storage": hubs.get_storage,
    "GET found": repositories.get_found,
    "GET repositories": repositories.get_repositories,
    "POST repositories": repositories.post_repositories,
    "GET repositories/{id}": repositories.get_repository,
    "PATCH repositories/{id}": repositories.patch_repository,
    "DELETE repositories/{id}": repositories.delete_repository,
    "POST repositories/{id}/pause": repositories.post_pause,
    "POST repositories/{id}/resume": repositories.post_resume,
    "GET queue": queue.get_queue,
    "POST queue/retry": queue.post_retry_all,
    "POST queue/{id}/retry": queue.post_retry,
    "POST queue/{id}/cancel": queue.post_cancel,
    "GET pushes": pushes.get_pushes,
    "POST pushes": pushes.post_pushes,
    "POST pushes/leave": pushes.post_leave,
    "GET pushes/{id}": pushes.get_push,
    "GET pushes/{id}/commits": pushes.get_push_commits,
    "GET usual": pushes.get_usual,
    "GET deliveries": deliveries.get_deliveries,
}
"""Method and path below ``/v1/``; what stands in braces is handed over by position."""


async def answer(service: Service, request: Request) -> Answer:
    """The answer to ``request``. Raises what the endpoint raises, :class:`NotFound` when there is none."""
    prefix = f"/v{API_VERSION}/"
    if not request.path.startswith(prefix):
        raise NotFound(f"this daemon speaks version {API_VERSION}: its paths begin with {prefix}")
    asked = [request.method, *request.path[len(prefix) :].split("/")]
    for route, endpoint in ROUTES.items():
        method, path = route.split(" ")
        pattern = [method, *path.split("/")]
        if len(pattern) == len(asked):
            pairs = list(zip(pattern, asked, strict=True))
            if all(want == have or want == "{id}" for want, have in pairs):
                return await endpoint(service, request, *(have for want, have in pairs if want == "{id}"))
    raise NotFound(f"there is no {request.method} {request.path}"[:200])
