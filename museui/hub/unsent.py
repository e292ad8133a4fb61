"""What is handed to the system and has not gone out is kept small, so that progress on a slow line is true.

Without this a system takes some megabytes at once and then, for minutes, nothing: the line seems to stand still.
What is on its way is not limited, so a fast line stays fast.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_OPTION: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_UNSENT_BYTES = 128 << 10


async def keep_little_unsent(event: str, facts: Mapping[str, Any]) -> None:
    """For httpx's extension ``trace``: set it on each new connection."""
    if event == "connection.connect_tcp.complete" and _OPTION is not None:
        connection = facts["return_value"].get_extra_info("socket")
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, _OPTION, _UNSENT_BYTES)
