"""Asking a hub whether it is there: one small request that needs no token."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from museui.core.errors import MuseError, Unreachable

from .answers import find_coding
from .connection_failures import explain
from .connections import make_client
from .http import httpx
from .proxies import Proxy, by_way, find_proxy

_TIMEOUT = httpx.Timeout(5.0)
_MAX_BYTES = 4096
_MAX_INSTANCE_CHARS = 64
_HEADERS = {"Accept": "application/json"}
_TOTAL_S = 10.0
FOREIGN_HINT = "Check the URL, and what proxies are in between; a network that one must sign in to answers like that."


@dataclass(frozen=True, slots=True)
class Answer:
    """A hub is there. ``latency_s``: how long it took; ``instance``: another one after each start, empty: unsaid."""

    latency_s: float
    instance: str = ""


class Probe:
    """``GET /healthz`` at hubs; a context manager."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, int, Proxy | None], httpx.AsyncClient] = {}

    async def __aenter__(self) -> Probe:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.aclose()

    def _client(self, base: str, ca: str | None) -> httpx.AsyncClient:
        # Without TLS there is no context to be made, which takes 20 ms.
        scheme = base.partition(":")[0]
        ca = ca if scheme == "https" else None
        proxy = find_proxy(base)
        key = (ca or scheme, _changed_ns(ca) if ca else 0, proxy)
        if key not in self._clients:
            self._clients[key] = make_client(scheme, ca, proxy, timeout=_TIMEOUT)
        return self._clients[key]

    async def ask(self, base: str, ca: str | None = None) -> Answer | MuseError:
        """How the hub at ``base`` answers, or why it does not; never raises.

        What a proxy or a portal answers is no answer: a hub says that it is well, or gives an error as a hub does.
        ``ca``: a file of certificates to trust beside the system's.
        """
        try:
            client = self._client(base, ca)
            began_s = time.perf_counter()
            async with (
                asyncio.timeout(_TOTAL_S),
                client.stream("GET", f"{base}/healthz", headers=_HEADERS) as response,
            ):
                content = await _read_start(response)
        except MuseError as exc:
            return exc
        except Exception as exc:  # a proxy's address that is none, a name no resolver takes, whatever else there is
            fault = explain(exc, base)
            return Unreachable(f"cannot reach {base}{by_way(base)}: {fault.reason}"[:500], hint=fault.hint)
        took_s, status = time.perf_counter() - began_s, response.status_code
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict) and (document.get("ok") is True or _is_refusal(response, document)):
            instance = document.get("instance")
            return Answer(took_s, instance[:_MAX_INSTANCE_CHARS] if isinstance(instance, str) else "")
        return Unreachable(f"what answers at {base} is not a hub (HTTP {status})", hint=FOREIGN_HINT)


async def _read_start(response: httpx.Response) -> bytes:
    """The body, or its first few KB: a hub says no more. Nothing of what is compressed, which was not asked for."""
    content = b""
    if find_coding(response):
        return content
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > _MAX_BYTES:
            break
    return content[:_MAX_BYTES]


def _is_refusal(response: httpx.Response, document: dict[str, Any]) -> bool:
    """Whether a hub says so that it cannot answer now: too many requests, or it stops. One that fails is not there."""
    return response.status_code < 500 and "x-request-id" in response.headers and isinstance(document.get("error"), dict)


def _changed_ns(path: str) -> int:
    """When the file was last written; another one is read anew."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
