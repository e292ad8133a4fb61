"""What a trusted proxy says of the client behind it: ``X-Forwarded-For``, ``-Proto`` and ``-Host``.

From anybody else these headers are words of a stranger and are ignored.  ``Forwarded`` always is: a proxy that sets the
others passes it on as the client wrote it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def believe_proxy(scope: Scope, trusted: Sequence[Network]) -> None:
    """Put client, scheme and host as the proxy tells them into ``scope``, when the peer is one of ``trusted``."""
    client = scope.get("client")
    if not trusted or not client or not _is_trusted(client[0], trusted):
        return
    headers = Headers(scope=scope)
    for address in reversed(_values(headers, "x-forwarded-for")):
        if not _is_address(address):
            break
        scope["client"] = (address, 0)
        if not _is_trusted(address, trusted):
            break
    scheme = _values(headers, "x-forwarded-proto")[-1:]
    if scheme and scheme[0] in ("http", "https"):
        scope["scheme"] = scheme[0]
    host = _values(headers, "x-forwarded-host")[-1:]
    if host and host[0].isascii():
        kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [*kept, (b"host", host[0].encode())]


def _values(headers: Headers, name: str) -> list[str]:
    return [item.strip() for line in headers.getlist(name) for item in line.split(",") if item.strip()]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in trusted)
