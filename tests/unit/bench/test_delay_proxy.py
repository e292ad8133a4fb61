"""The proxy that makes a line longer: everything passes, in order and to its end, and the queue keeps to its time."""

from __future__ import annotations

import asyncio
import gc
import os

from museui.bench.delay_proxy import Pipe, serve_delayed

RTT_S = 0.03


async def _upside_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers all that came, backwards, once it has ended."""
    writer.write((await reader.read())[::-1])
    writer.close()


async def test_bytes_pass_both_ways_unchanged_and_so_does_their_end() -> None:
    sent = os.urandom(5 << 20)
    async with await asyncio.start_server(_upside_down, "127.0.0.1", 0, limit=1 << 20) as server:
        proxy = await serve_delayed("127.0.0.1", server.sockets[0].getsockname()[1], RTT_S)
        async with proxy:
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.sockets[0].getsockname()[1])
            writer.write(sent)
            writer.write_eof()
            assert await reader.read() == sent[::-1]
            # One round trip to connect and one for the request: less cannot be, whatever else the machine does.
            assert loop.time() - began_s >= 2 * RTT_S
            writer.close()


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async with await asyncio.start_server(_upside_down, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    async with await serve_delayed("127.0.0.1", port, RTT_S) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.sockets[0].getsockname()[1])
        assert await reader.read() == b""
        writer.close()


async def test_bytes_wait_beside_each_other_and_not_one_after_the_other() -> None:
    """A delay for each piece would cost as many delays as there are pieces; here the clock is the loop's own."""
    reader = asyncio.StreamReader()
    arrived: list[float] = []
    loop = asyncio.get_running_loop()

    class Sink:
        def write(self, data: bytes) -> None:
            arrived.append(loop.time())

        async def drain(self) -> None: ...

        def can_write_eof(self) -> bool:
            return False

    began_s = loop.time()
    pipe = Pipe(reader, Sink(), 0.2, 0.0)  # type: ignore[arg-type]
    running = asyncio.create_task(pipe.run())
    for number in range(20):
        reader.feed_data(b"%d" % number)
        await asyncio.sleep(0.001)
    fed_s = loop.time() - began_s
    reader.feed_eof()
    await running
    assert arrived[0] - began_s >= 0.2
    assert loop.time() - began_s < fed_s + 20 * 0.2


async def test_a_connection_whose_client_has_gone_is_carried_to_its_end() -> None:
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
    came, go = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        came.set()
        await go.wait()
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    proxy = await serve_delayed("127.0.0.1", server.sockets[0].getsockname()[1], 0)
    async with server, proxy:
        _, writer = await asyncio.open_connection("127.0.0.1", proxy.sockets[0].getsockname()[1])
        writer.write(b"-")
        writer.transport.abort()
        await came.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        assert complaints == []
        go.set()
