"""What all pages have in common: the templates, the style sheet, the headers, who is looking.

Jinja is imported when a page is first asked for, so that a hub nobody looks at does not pay for it.
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from museui.core.errors import MuseError, NotFound
from museui.core.figures import render_bytes

from ..http.access import open_repository
from ..people.repositories import RepositoryRow
from ..people.sessions import find_session
from ..people.tokens import Caller
from ..state import base_url, hub_of
from . import text

if TYPE_CHECKING:
    from jinja2 import Environment

COOKIE = "museui_session"

_FOLDER = Path(__file__).parent
_STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with less, browsers send forms without an origin
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, Cookie",
}


async def see_caller(request: Request) -> Caller | None:
    """Who is signed in, None when nobody is. From then on that is whom the request comes from."""
    secret = request.cookies.get(COOKIE)
    if secret and "authorization" not in request.headers:
        hub = hub_of(request)
        async with hub.database.read() as connection:
            caller = await find_session(connection, secret, hub.now())
        if caller is not None:
            request.scope["caller"] = caller
    seen: Caller | None = request.scope.get("caller")
    return seen


async def open_page_repository(request: Request) -> RepositoryRow:
    """The repository of the request's path, for whoever is signed in. Raises as :func:`open_repository` does."""
    await see_caller(request)
    repository, _ = await open_repository(request, "read")
    return repository


async def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """The page made from ``template`` and ``values``."""
    return await asyncio.to_thread(render_page, request, template, status, **values)


def render_page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """As :func:`page`, at once."""
    hub = hub_of(request)
    root = site_root(request)
    html = (
        _environment()
        .get_template(template)
        .render(
            caller=request.scope.get("caller"),
            here=here(request),
            href=partial(link, root),
            static=partial(_static_link, root),
            now=hub.now(),
            **values,
        )
    )
    return HTMLResponse(html, status, _HEADERS)


def render_error(request: Request, error: MuseError, status: int) -> Response:
    """Return the page that says what went wrong; for :mod:`hubstub.http.errors`."""
    return render_page(request, "error.html", status, error=error, number=status)


def site_root(request: Request) -> str:
    """What every path of this hub begins with, for people: the path of the public URL, else nothing."""
    return urlsplit(hub_of(request).settings.public_url or "").path.rstrip("/")


def here(request: Request) -> str:
    """The path people are at, percent-encoded, without the query."""
    return site_root(request) + quote(request.scope["path"])


def link(root: str, *parts: str, **query: str) -> str:
    """A path of the hub: ``parts`` are percent-encoded but for their slashes."""
    path = root + "".join("/" + quote(part) for part in parts) if parts else root + "/"
    return f"{path}?{urlencode(query)}" if query else path


def clone_url(request: Request, repository: RepositoryRow) -> str:
    """What ``museui clone`` takes."""
    return f"{base_url(request)}/{repository.name}"


async def get_static(request: Request) -> Response:
    """The style sheet or the icon, under an address that changes with its content."""
    name = request.path_params["name"]
    if name not in _STATIC or request.path_params["digest"] != _static(name)[0]:
        raise NotFound("there is nothing at this address")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(_static(name)[1], headers=headers, media_type=_STATIC[name])


def _static_link(root: str, name: str) -> str:
    return link(root, "-", "static", _static(name)[0], name)


@cache
def _static(name: str) -> tuple[str, bytes]:
    content = (_FOLDER / "static" / name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:16], content


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ago=text.render_ago,
        commit_time=text.render_commit_time,
        count=text.render_count,
        foreign=text.render_foreign,
        iso=text.render_iso,
        moment=text.render_moment,
        name=text.render_name,
        plain=text.plain_name,
        seconds=text.render_seconds,
        size=render_bytes,
    )
    return environment
