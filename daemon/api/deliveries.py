"""Who was told what, and what came of it."""

from __future__ import annotations

from typing import Any

from museui.local.messages import encode

from ..service import Service
from .fields import take_number
from .pushes import find_path
from .server import Request

_MAX_LISTED = 1000


async def get_deliveries(service: Service, request: Request) -> dict[str, Any]:
    """The newest first: ``repository`` (its id), ``before`` (a delivery's number), ``limit``."""
    limit = take_number(request.query, "limit", 1, _MAX_LISTED) or 50
    before = take_number(request.query, "before", 1, 1 << 62)
    found = await service.teller.read(find_path(service, request), before, limit)
    return {"deliveries": [encode(delivery) for delivery in found]}
