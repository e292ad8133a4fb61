"""Two real hubs on one PostgreSQL and one MinIO behind one address, for tests: as one hub to whoever asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import count
from typing import Self

from hubstub.store.s3_settings import S3Settings
from tests.helpers.hub import HubProcess
from tests.helpers.minio import MinioHub

_PIECE_BYTES = 1 << 16


class Balancer:
    """Gives each connection to the next of ``ports`` on loopback that takes it; a context manager."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._next = count()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._ready = threading.Event()
        self.port = 0

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(self._next)
        for number in range(first, first + len(self._ports)):
            with suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", self._ports[number % len(self._ports)])
                await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
                return
        writer.close()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while piece := await reader.read(_PIECE_BYTES):
                writer.write(piece)
                await writer.drain()
    finally:
        writer.close()


class TwoHubs(MinioHub):
    """The first of two hubs, by the address of both; a context manager. ``second`` is the other one."""

    def __init__(self, place: S3Settings, database: str) -> None:
        super().__init__(place)
        self.database = database
        self.second = MinioHub(place)
        self.second.database = database
        self.front = ""
        self._stack = ExitStack()

    keeps_connections = False

    @property
    def processes(self) -> tuple[HubProcess, ...]:
        """See :attr:`HubProcess.processes`."""
        return self, self.second

    def repository(self, slug: str = "song", owner: str | None = None) -> str:
        """As of any hub, by the common address."""
        return f"{self.front}/{owner or self.owner}/{slug}"

    def __enter__(self) -> Self:
        try:
            threads = [threading.Thread(target=hub.start) for hub in self.processes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert all(hub.url for hub in self.processes), [hub.log for hub in self.processes]
            tokens = [hub.token for hub in self.processes if hub.token]
            assert len(tokens) == 1, "both made the first user"
            self.token = self.second.token = tokens[0]
            balancer = self._stack.enter_context(Balancer([hub.port for hub in self.processes]))
            self.front = f"http://127.0.0.1:{balancer.port}"
            return self
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave nothing of either."""
        self._stack.close()
        self.second.close()
        super().close()
