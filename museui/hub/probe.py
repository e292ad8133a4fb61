"""Asking a hub whether it is there: one small request that needs no token."""

from __future__ import annotations

import time
from types import TracebackType

from museui.core.errors import MuseError, Unavailable, Unreachable

from .http import httpx

_TIMEOUT = httpx.Timeout(5.0)


class Probe:
    """``GET /healthz`` at hubs; a context manager."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)

    async def __aenter__(self) -> Probe:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(self, base: str) -> float | MuseError:
        """How many seconds the hub at ``base`` took to answer, or why it did not. Anything below 500 is an answer."""
        began_s = time.perf_counter()
        try:
            response = await self._client.get(f"{base}/healthz")
        except (httpx.TransportError, httpx.InvalidURL) as exc:
            reason = str(exc) or type(exc).__name__
            return Unreachable(f"cannot reach {base}: {reason}", hint="Check that the hub runs and the network is up.")
        if response.status_code >= 500:
            return Unavailable(f"{base} answers with status {response.status_code}")
        return time.perf_counter() - began_s
