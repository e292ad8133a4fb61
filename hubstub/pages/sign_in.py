"""``/-/sign-in`` and ``/-/sign-out``: a token is exchanged for a session, which a cookie names.

A form is taken from this hub's own pages alone: the browser says where it comes from, and does not send the cookie
along from anywhere else.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from museui.core.errors import Denied, Invalid, Unauthorized

from ..http.access import count_request
from ..http.bodies import read_body
from ..people.sessions import SESSION_S, end_session, start_session
from ..state import base_url, hub_of
from .site import COOKIE, page, see_caller, site_root

_FORM_MAX_BYTES = 8192
_FORM_MAX_FIELDS = 8
_OWN_PATH = re.compile(r"/(?:[A-Za-z0-9-][!-\[\]-~]*)?").fullmatch
"""A path of this very hub: not ``//host``, nothing that a browser reads as one."""


async def show_sign_in(request: Request) -> Response:
    """The form: ``?next=`` is where it leads."""
    await see_caller(request)
    count_request(request)
    return await page(request, "sign_in.html", next=_own_path(request, request.query_params.get("next")), failed=None)


async def sign_in(request: Request) -> Response:
    """Start a session for the token of the form."""
    count_request(request)
    _require_own_form(request)
    form = _parse_form(await read_body(request, _FORM_MAX_BYTES))
    target = _own_path(request, form.get("next"))
    hub = hub_of(request)
    try:
        async with hub.database.write() as connection:
            secret = await start_session(connection, form.get("token", "").strip(), hub.now())
            await end_session(connection, request.cookies.get(COOKIE, ""))
    except Unauthorized as exc:
        return await page(request, "sign_in.html", 401, next=target, failed=exc)
    response = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_S,
        path=site_root(request) or "/",
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


async def sign_out(request: Request) -> Response:
    """End the session, wherever its cookie may have got to."""
    count_request(request)
    _require_own_form(request)
    hub = hub_of(request)
    if secret := request.cookies.get(COOKIE):
        async with hub.database.write() as connection:
            await end_session(connection, secret)
    response = RedirectResponse(site_root(request) + "/", 303, {"Cache-Control": "no-store"})
    response.delete_cookie(
        COOKIE, path=site_root(request) or "/", secure=_is_secure(request), httponly=True, samesite="strict"
    )
    return response


def _require_own_form(request: Request) -> None:
    """Raise :class:`Denied` unless the browser says that the form was on a page of this hub."""
    try:
        origin = urlsplit(request.headers.get("origin", ""))
    except ValueError:  # as of `http://[`
        origin = urlsplit("")
    own = {request.headers.get("host", "").lower(), urlsplit(base_url(request)).netloc.lower()}
    if origin.scheme not in ("http", "https") or origin.netloc.lower() not in own:
        raise Denied("the form was not sent from a page of this hub", hint="Open the page of the hub and try again.")


def _parse_form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FORM_MAX_FIELDS)
    except ValueError as exc:
        raise Invalid("the form has too many fields", hint="Open the page of the hub and try again.") from exc
    return {name: values[0] for name, values in fields.items()}


def _own_path(request: Request, path: str | None) -> str:
    return path if path and _OWN_PATH(path) else site_root(request) + "/"


def _is_secure(request: Request) -> bool:
    return base_url(request).startswith("https:")
