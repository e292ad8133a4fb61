"""Open connections to a hub and to where it has uploads sent: those of one user of it at a time."""

from __future__ import annotations

import http.cookiejar
from collections.abc import Callable
from urllib.parse import urlsplit

from museui.core.errors import Invalid, Usage

from .http import httpx
from .proxies import Proxy, find_proxy
from .trust import make_tls_context

IDLE_S = 10.0
"""How long one that nobody uses stays open."""
LIMITS = httpx.Limits(max_keepalive_connections=64, keepalive_expiry=IDLE_S)
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MakeTransport = Callable[[httpx.Limits], httpx.AsyncBaseTransport]


class Connections:
    """HTTP clients by scheme and proxy: a TLS context takes 20 ms to make and plain HTTP needs none."""

    def __init__(self, ca: str | None = None, transport: MakeTransport | None = None) -> None:
        """``ca``: a file of certificates to trust beside the system's; ``transport``: makes what carries requests."""
        self._ca = ca
        self._transport = transport
        self._clients: dict[tuple[str, Proxy | None], httpx.AsyncClient] = {}

    def client(self, url: str, *, secret: bool = False) -> httpx.AsyncClient:
        """Return what carries requests to ``url``. Raises :class:`Invalid` when that is not HTTP, :class:`Usage`.

        ``secret``: the URL or the body is not for others; no proxy gets to read it, so plain HTTP goes by none.
        """
        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise Invalid(f"the hub gave a URL that is not HTTP: {url!r:.80}")
        proxy = None if self._transport or (secret and scheme == "http") else find_proxy(url)
        key = (scheme, proxy)
        if key not in self._clients:
            transport = self._transport(LIMITS) if self._transport else None
            self._clients[key] = make_client(scheme, self._ca, proxy, transport)
        return self._clients[key]

    async def close(self) -> None:
        """Close them all."""
        for client in self._clients.values():
            await client.aclose()


def make_client(
    scheme: str,
    ca: str | None,
    proxy: Proxy | None,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout: httpx.Timeout = TIMEOUT,
) -> httpx.AsyncClient:
    """Return a client for URLs of one ``scheme``. It follows no redirect, keeps no cookie and unpacks no answer.

    Raises :class:`Usage` for a file ``ca`` or a proxy that cannot be used.
    """
    context = make_tls_context(ca) if scheme == "https" else None
    way = None
    if proxy is not None:
        secure = urlsplit(proxy.url).scheme == "https"
        try:
            way = httpx.Proxy(proxy.url, ssl_context=(context or make_tls_context(ca)) if secure else None)
        except (httpx.InvalidURL, ValueError) as exc:
            raise Usage(
                f"{proxy.source} does not name a proxy", hint="Set it to http://HOST:PORT, or unset it."
            ) from exc
    policy = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
    return httpx.AsyncClient(
        verify=context or False,
        headers={"Accept-Encoding": "identity"},
        cookies=http.cookiejar.CookieJar(policy),
        timeout=timeout,
        follow_redirects=False,
        limits=LIMITS,
        proxy=way,
        transport=transport,
        trust_env=False,
    )
