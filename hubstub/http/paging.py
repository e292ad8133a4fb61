"""How much of a long list one answer holds."""

from __future__ import annotations

from starlette.requests import Request

from museui.core.errors import Invalid

PAGE_MAX = 200
_PAGE = "50"


def parse_limit(request: Request, most: int = PAGE_MAX) -> int:
    """``?limit=``, 50 without one. Raises :class:`Invalid` unless it is 1 to ``most``."""
    text = request.query_params.get("limit", _PAGE)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise Invalid(f"limit is not a number from 1 to {most}: {text!r:.40}", details={"field": "limit"})
    return int(text)
