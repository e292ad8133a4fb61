"""What went wrong, as a page for a browser and as a message for a program: the same status, the same headers."""

from __future__ import annotations

from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from hubstub.app import build_app
from hubstub.config import HubSettings
from hubstub.http.errors import answer_error
from hubstub.state import HubState
from museui.core.errors import Internal, NotFound, Quota, RateLimited, Unauthorized, Unavailable

SECRET = "the reason is in the log alone"


def _request(folder: Path, accept: str) -> Request:
    nothing: Any = None  # a page about an error asks neither the database nor the store
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/ada/<b>",
            "query_string": b"",
            "headers": [(b"accept", accept.encode())],
            "request_id": "1234567890abcdef",
            "app": build_app(HubState(HubSettings(folder), nothing, nothing)),
        }
    )


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (RateLimited("too many", details={"retry_after_s": 6.5}), 429, ("retry-after", "7")),
        (Unavailable("the store does not answer"), 503, ("retry-after", "1")),
        (Unauthorized("the token is not valid"), 401, ("www-authenticate", "Bearer")),
        (NotFound("no <b>such</b> thing"), 404, None),
        (Quota("no room"), 507, None),
        (Internal(SECRET), 500, None),
        (ZeroDivisionError(SECRET), 500, None),
    ],
)
def test_every_failure_has_a_page_that_says_no_more_than_its_message(
    tmp_path: Path, error: Exception, status: int, header: tuple[str, str] | None
) -> None:
    page = answer_error(_request(tmp_path, "text/html"), error)
    message = answer_error(_request(tmp_path, "application/json"), error)
    assert page.status_code == message.status_code == status
    assert page.media_type == "text/html" and message.media_type == "application/json"
    html = bytes(page.body).decode()
    assert "<b>" not in html and SECRET not in html
    for answer in (page, message):
        assert header is None or answer.headers[header[0]] == header[1]
    if status == 500:
        assert "1234567890abcdef" in html


def test_whatever_answers_a_request_does_so_without_a_thread_of_its_own(tmp_path: Path) -> None:
    app = _request(tmp_path, "text/html").app
    answering = [*app.exception_handlers.values(), *(route.endpoint for route in app.routes)]
    assert [call for call in answering if not iscoroutinefunction(call)] == []
