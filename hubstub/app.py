"""The hub as an ASGI application: every route there is, the edge around them, the jobs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from museui.core.errors import MuseError

from .http.edge import Edge
from .http.errors import handle_error, handle_http_exception
from .jobs.runner import JobRunner
from .pages.routes import routes as page_routes
from .pages.site import render_error
from .routes import compat, fetch, objects, operations, people, push, refs, releases, repositories, tags
from .state import HubState


def build_app(state: HubState) -> Starlette:
    """The application around ``state``, whose database is open; its lifespan starts and stops the jobs.

    ``app.state.running`` holds the tasks of the requests that run.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        runner = JobRunner(state)
        await runner.start()
        try:
            yield
        finally:
            await runner.stop()

    running: set[asyncio.Task[Any]] = set()
    templates: dict[Any, str] = {}
    app = Starlette(
        routes=[
            *operations.routes,
            *objects.routes,
            *people.routes,
            *repositories.routes,
            *refs.routes,
            *push.routes,
            *compat.routes,
            *tags.routes,
            *releases.routes,
            *fetch.routes,
            *page_routes,
        ],
        middleware=[
            Middleware(
                Edge,
                send_idle_s=state.settings.send_idle_s,
                running=running,
                routes=templates,
                trusted=state.settings.trusted_proxies,
            )
        ],
        exception_handlers={MuseError: handle_error, HTTPException: handle_http_exception},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.hub = state
    app.state.running = running
    app.state.render_error = render_error
    for route in app.routes:
        if isinstance(route, Route):
            templates.setdefault(route.endpoint, route.path)
    return app
