"""A longer line to measure on: a TCP proxy that delays what passes by half a round trip each way, at full speed.

Each direction is a pipe: bytes wait in a queue for their time and come out in the rhythm they came in.  A process of
its own (``python -m museui.bench.delay_proxy HOST PORT RTT_MS``), so that it takes no time from who measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import deque

_READ_BYTES = 1 << 18
_HELD_BYTES = 64 << 20
"""What one direction may hold: 10 ms of more than any line to come brings."""


class Pipe:
    """One direction of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float, opens_s: float):
        """``opens_s``: the time (of the loop) before which nothing has set out, since there is no connection yet."""
        self._reader = reader
        self._writer = writer
        self._delay_s = delay_s
        self._opens_s = opens_s
        self._queue: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Carry everything to the end of the stream, which is delayed like the rest."""
        await asyncio.gather(self._take(), self._give())

    async def _take(self) -> None:
        clock = asyncio.get_running_loop().time
        data = b"-"
        while data:
            try:
                data = await self._reader.read(_READ_BYTES)
            except ConnectionError:
                data = b""
            async with self._changed:
                self._queue.append((max(clock(), self._opens_s) + self._delay_s, data))
                self._held_bytes += len(data)
                self._changed.notify()
                await self._changed.wait_for(lambda: self._held_bytes <= _HELD_BYTES)

    async def _give(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._queue))
                due_s, data = self._queue.popleft()
            if (wait_s := due_s - clock()) > 0:
                await asyncio.sleep(wait_s)
            with contextlib.suppress(ConnectionError):
                if data:
                    self._writer.write(data)
                    await self._writer.drain()
                elif self._writer.can_write_eof():
                    self._writer.write_eof()
            async with self._changed:
                self._held_bytes -= len(data)
                self._changed.notify()
            if not data:
                return


async def serve_delayed(host: str, port: int, rtt_s: float) -> asyncio.Server:
    """A proxy on a free loopback port for ``host`` and ``port``. A new connection takes a round trip of its own."""
    loop = asyncio.get_running_loop()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opens_s = loop.time() + rtt_s
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port, limit=_READ_BYTES)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(
                Pipe(reader, far_writer, rtt_s / 2, opens_s).run(), Pipe(far_reader, writer, rtt_s / 2, opens_s).run()
            )
        finally:
            for end in (writer, far_writer):
                end.close()

    held = set[asyncio.Task[None]]()  # the loop lets go of a task that waits for nothing but what it holds itself

    def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = loop.create_task(carry(reader, writer))
        held.add(task)
        task.add_done_callback(held.discard)

    return await asyncio.start_server(hold, "127.0.0.1", 0, limit=_READ_BYTES)


async def _main(host: str, port: int, rtt_ms: float) -> None:
    server = await serve_delayed(host, port, rtt_ms / 1000)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
    # Whoever started this holds the other end of stdin: when they go, this goes.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
