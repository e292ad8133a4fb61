"""Asking a hub whether it is there: one small request that needs no token."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from museui.core.errors import MuseError, Unavailable, Unreachable, Usage

from .http import httpx
from .trust import CERTIFICATE_HINT, LINE_HINT, is_distrusted, make_tls_context

_TIMEOUT = httpx.Timeout(5.0)


class Probe:
    """``GET /healthz`` at hubs; a context manager."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str | None, int] | None, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Probe:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.aclose()

    def _client(self, base: str, ca: str | None) -> httpx.AsyncClient:
        # Without TLS there is no context to be made, which takes 20 ms.
        key = (ca, _changed_ns(ca) if ca else 0) if base.startswith("https:") else None
        if key not in self._clients:
            self._clients[key] = httpx.AsyncClient(
                verify=make_tls_context(ca) if key else False, timeout=_TIMEOUT, follow_redirects=False
            )
        return self._clients[key]

    async def ask(self, base: str, ca: str | None = None) -> float | MuseError:
        """How many seconds the hub at ``base`` took to answer, or why it did not. Anything below 500 is an answer.

        ``ca``: a file of certificates to trust beside the system's.
        """
        try:
            client = self._client(base, ca)
            began_s = time.perf_counter()
            response = await client.get(f"{base}/healthz")
        except Usage as exc:
            return exc
        except (httpx.TransportError, httpx.InvalidURL) as exc:
            reason = str(exc) or type(exc).__name__
            hint = CERTIFICATE_HINT if is_distrusted(reason) else LINE_HINT
            return Unreachable(f"cannot reach {base}: {reason}", hint=hint)
        if response.status_code >= 500:
            return Unavailable(f"{base} answers with status {response.status_code}")
        return time.perf_counter() - began_s


def _changed_ns(path: str) -> int:
    """When the file was last written; another one is read anew."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
