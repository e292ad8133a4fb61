"""Requests that go through delaying proxies, one for each server they are meant for, whatever their URLs say."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from types import TracebackType
from typing import Any

from ..core.errors import Internal
from ..hub.http import httpx


class DelayProxies:
    """Proxies of one round trip time; a context manager that ends their processes."""

    def __init__(self, rtt_ms: float) -> None:
        self._rtt_ms = rtt_ms
        self._ports: dict[tuple[str, int], int] = {}
        self._processes: list[subprocess.Popen[str]] = []

    def transport(self, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
        """What a :class:`~museui.hub.client.HubClient` is made with to go this way."""
        return _DelayedTransport(self, limits)

    async def open(self, host: str, port: int) -> int:
        """The loopback port that leads to ``host`` and ``port``."""
        if (host, port) not in self._ports:
            self._ports[host, port] = await asyncio.to_thread(self._start, host, port)
        return self._ports[host, port]

    def _start(self, host: str, port: int) -> int:
        command = [sys.executable, "-m", "museui.bench.delay_proxy", host, str(port), str(self._rtt_ms)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        assert process.stdout
        try:
            return int(json.loads(process.stdout.readline())["port"])
        except ValueError as exc:
            raise Internal("the delaying proxy did not start") from exc

    def __enter__(self) -> DelayProxies:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.terminate()
            process.communicate()


class _DelayedTransport(httpx.AsyncHTTPTransport):
    """Connects elsewhere; the Host header, and with TLS the name the certificate must have, stay those of the URL."""

    def __init__(self, proxies: DelayProxies, limits: httpx.Limits) -> None:
        super().__init__(limits=limits)
        self._proxies = proxies

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        port = await self._proxies.open(url.host, url.port or (443 if url.scheme == "https" else 80))
        extensions: dict[str, Any] = {**request.extensions, "sni_hostname": url.host}
        request.extensions = extensions
        request.url = url.copy_with(host="127.0.0.1", port=port)
        return await super().handle_async_request(request)
