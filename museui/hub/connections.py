"""Open connections to a hub and to where it has uploads sent: those of one user of it at a time."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from museui.core.errors import Invalid

from .http import httpx
from .trust import make_tls_context

IDLE_S = 10.0
"""How long one that nobody uses stays open."""
LIMITS = httpx.Limits(max_keepalive_connections=64, keepalive_expiry=IDLE_S)
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MakeTransport = Callable[[httpx.Limits], httpx.AsyncBaseTransport]


class Connections:
    """HTTP clients by scheme: a TLS context takes 20 ms to make and plain HTTP needs none."""

    def __init__(self, ca: str | None = None, transport: MakeTransport | None = None) -> None:
        """``ca``: a file of certificates to trust beside the system's; ``transport``: makes what carries requests."""
        self._ca = ca
        self._transport = transport
        self._clients: dict[str, httpx.AsyncClient] = {}

    def client(self, url: str) -> httpx.AsyncClient:
        """What carries requests to ``url``. Raises :class:`Invalid` when that is not HTTP, :class:`Usage`."""
        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise Invalid(f"the hub gave a URL that is not HTTP: {url!r:.80}")
        if scheme not in self._clients:
            self._clients[scheme] = httpx.AsyncClient(
                verify=make_tls_context(self._ca) if scheme == "https" else False,
                timeout=TIMEOUT,
                follow_redirects=False,
                limits=LIMITS,
                transport=self._transport(LIMITS) if self._transport else None,
            )
        return self._clients[scheme]

    async def close(self) -> None:
        """Close them all."""
        for client in self._clients.values():
            await client.aclose()
