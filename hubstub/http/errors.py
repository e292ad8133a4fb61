"""How a failure leaves the hub: the error body of ``docs/protocol.md``, the same for every endpoint."""

from __future__ import annotations

import math
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from museui.core.errors import Internal, Invalid, MuseError, NotFound, RateLimited, Unauthorized, Unavailable

from ..index.postgresql import ServerDown
from ..log import log_refusal, logger
from ..metrics import REFUSALS
from .messages import answer, wants_html

_PUSH = re.compile(r"/[^/]+/[^/]+/push(?:/.*)?|/staging/[^/]+").fullmatch


def answer_error(request: Request, exc: Exception) -> Response:
    """The answer for a :class:`MuseError`; anything else becomes ``internal``."""
    if not isinstance(exc, MuseError) or exc.http_status is None or isinstance(exc, Internal):
        request_id = request.scope["request_id"]
        logger.error("request %s failed", request_id, exc_info=exc)
        exc = Internal("the hub failed", hint=f"Ask whoever runs it, naming request {request_id}.")
    elif exc.http_status >= 500:
        logger.warning("request %s: %s: %s", request.scope["request_id"], exc.code, exc.message)
        if isinstance(exc, ServerDown):
            exc = Unavailable("the hub's database does not answer", hint="Try again in a moment.")
    return _render(request, exc, exc.http_status or 500)


async def handle_error(request: Request, exc: Exception) -> Response:
    """:func:`answer_error` for the application, which runs a plain function in a thread: more work than the answer."""
    return answer_error(request, exc)


async def handle_http_exception(request: Request, exc: Exception) -> Response:
    """The answer for what the router refuses: no such path, or no such method on it."""
    if not isinstance(exc, HTTPException):
        return answer_error(request, exc)
    if exc.status_code == 404:
        return _render(request, NotFound("there is nothing at this address"), 404)
    what = "this address does not know this method" if exc.status_code == 405 else exc.detail
    response = _render(request, Invalid(what), exc.status_code)
    for name, value in (exc.headers or {}).items():
        response.headers[name] = value
    return response


def _render(request: Request, exc: MuseError, status: int) -> Response:
    REFUSALS.labels(exc.code).inc()
    if request.method in ("POST", "PUT") and _PUSH(request.scope["path"]):
        log_refusal(request.scope, exc.code, exc.message)
    response = _page(request, exc, status) if wants_html(request) else _message(request, exc, status)
    if isinstance(exc, (RateLimited, Unavailable)):
        response.headers["Retry-After"] = str(max(1, math.ceil(exc.details.get("retry_after_s", 1))))
    elif isinstance(exc, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _message(request: Request, exc: MuseError, status: int) -> Response:
    body = {
        "error": {"code": exc.code, "message": exc.message, "hint": exc.hint, "details": exc.details},
        "detail": exc.message,
    }
    return answer(request, body, status)


def _page(request: Request, exc: MuseError, status: int) -> Response:
    response: Response = request.app.state.render_error(request, exc, status)
    return response
