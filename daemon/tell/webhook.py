"""The news by a webhook: one POST of JSON to an address that was looked at before anything is sent there.

A name is looked up once, every address it has is checked, and the connection goes to that very address: a name that
means something else a moment later reaches nothing inside. TLS is verified against the name. Nothing is followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import orjson

from museui.core.addresses import is_public
from museui.core.errors import Denied, Invalid, MuseError, Unavailable, Unreachable, Usage
from museui.hub.connection_failures import explain
from museui.hub.http import httpx

_TIMEOUT = httpx.Timeout(10.0)
_TOTAL_S = 30.0
_LATER = (408, 425, 429)


async def find_address(host: str, port: int, private: bool) -> str:
    """An address of ``host``. Raises :class:`Denied` when one of its addresses is private, :class:`Unreachable`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(10.0):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as exc:
        raise Unreachable(f"{host} cannot be looked up: {exc or 'it takes too long'}"[:300]) from exc
    addresses = [str(item[4][0]) for item in found]
    for address in addresses:
        if not private and not is_public(ipaddress.ip_address(address)):
            raise Denied(
                f"the webhook's host {host} is at {address}, which is no public address",
                hint="webhook_private = true in [notify] allows that.",
            )
    return addresses[0]


async def post_news(url: str, document: dict[str, Any], private: bool) -> str:
    """Post it; what was answered. Raises what is worth another try (:class:`Unavailable`, …) and what is not."""
    parts = urlsplit(url)
    assert parts.hostname
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = await find_address(parts.hostname, port, private)
    target = httpx.URL(url).copy_with(host=address, port=port)
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "User-Agent": "museui",
        "Accept-Encoding": "identity",
    }
    extensions = {"sni_hostname": parts.hostname} if secure else {}
    verify = await asyncio.to_thread(httpx.create_ssl_context) if secure else False
    try:
        async with (
            asyncio.timeout(_TOTAL_S),
            httpx.AsyncClient(verify=verify, timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as client,
            client.stream(
                "POST", target, content=orjson.dumps(document), headers=headers, extensions=extensions
            ) as response,
        ):
            status = response.status_code
    except (httpx.TransportError, TimeoutError) as exc:
        raise Unreachable(f"{parts.hostname} cannot be reached: {explain(exc, url).reason}"[:300]) from exc
    if error := _error_of(status):
        raise error
    return f"status {status}"


def _error_of(status: int) -> MuseError | None:
    if status < 300:
        return None
    if status < 400:
        return Usage(f"status {status}: a redirect, which is never followed")
    if status >= 500 or status in _LATER:
        return Unavailable(f"status {status}")
    return Invalid(f"status {status}")
