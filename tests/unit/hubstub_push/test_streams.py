"""Answers that are made while they are sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator

import pytest
from starlette.responses import StreamingResponse

from hubstub.http.streams import stream
from hubstub.memory import LONG_WORK_BYTES, give_back_memory
from museui.core.errors import NotFound


class _Source:
    """Pieces, the names of the threads that made them, and whether the iterator was ended."""

    def __init__(self, pieces: list[bytes], fail_at: int = -1) -> None:
        self._pieces = pieces
        self._fail_at = fail_at
        self.threads: set[str] = set()
        self.made = 0
        self.ended = threading.Event()

    def __call__(self) -> Generator[bytes, None, None]:
        try:
            for number, piece in enumerate(self._pieces):
                self.threads.add(threading.current_thread().name)
                if number == self._fail_at:
                    raise NotFound("it is gone")
                self.made += 1
                yield piece
        finally:
            self.ended.set()


async def _body(response: object, limit: int = 1000) -> list[bytes]:
    assert isinstance(response, StreamingResponse)
    found: list[bytes] = []
    async for piece in response.body_iterator:
        assert isinstance(piece, bytes)
        found.append(piece)
        if len(found) == limit:
            break
    return found


@pytest.mark.parametrize("pieces", [[], [b"one"], [b"%d" % number for number in range(50)]])
async def test_the_pieces_come_in_order_from_one_thread(pieces: list[bytes]) -> None:
    source = _Source(pieces)
    assert await _body(await stream(source(), "text/plain", 206, {"X-A": "b"})) == pieces
    assert len(source.threads) == min(1, len(pieces))
    assert source.ended.wait(10)


async def test_what_fails_at_once_is_raised_before_the_answer_begins() -> None:
    source = _Source([b"one"], fail_at=0)
    with pytest.raises(NotFound):
        await stream(source(), "text/plain")
    assert source.ended.wait(10)


async def test_what_fails_later_breaks_the_answer_off() -> None:
    source = _Source([b"one", b"two", b"three"], fail_at=2)
    response = await stream(source(), "text/plain")
    with pytest.raises(NotFound):
        await _body(response)
    assert source.ended.wait(10)


async def test_a_client_that_leaves_ends_the_making() -> None:
    source = _Source([bytes(10)] * 1000)
    response = await stream(source(), "text/plain")
    reading = asyncio.create_task(_body(response, limit=3))
    assert len(await reading) == 3
    iterator = response.body_iterator  # type: ignore[attr-defined]
    await iterator.aclose()
    assert source.ended.wait(10)
    assert source.made <= 5


async def test_a_long_answer_gives_its_memory_back_and_arrives_whole() -> None:
    pieces = [bytes(1 << 20)] * (LONG_WORK_BYTES // (1 << 20) + 1)
    assert sum(map(len, await _body(await stream(_Source(pieces)(), "text/plain")))) == len(pieces) << 20
    give_back_memory()
