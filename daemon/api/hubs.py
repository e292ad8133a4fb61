"""What a hub tells the user about themselves, asked when somebody wants to see it."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from museui.core.errors import NotFound
from museui.core.wire import encode
from museui.hub.client import HubLine
from museui.settings.tokens import token_for

from ..service import Service
from .fields import need
from .server import Request


async def get_storage(service: Service, request: Request) -> dict[str, Any]:
    """What the user's repositories take on the hub ``base``; null from a hub that does not say."""
    base = need(request.query, "base", str)
    if base not in service.board.items("hubs"):
        raise NotFound("no repository that is watched is pushed to that hub")
    token = await asyncio.to_thread(token_for, base, os.environ)
    async with HubLine(base, token, trust=service.trust(base)) as line:
        try:
            return {"storage": encode(await line.fetch_storage())}
        except NotFound:
            return {"storage": None}
