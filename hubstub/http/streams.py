"""Answers that are made while they are sent: a blocking iterator, run in a thread of its own, one piece ahead.

One thread for the whole answer, not any of many: what one thread allocates, the same thread can use again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor

from starlette.responses import Response, StreamingResponse

from ..memory import LONG_WORK_BYTES, give_back_memory


async def stream(
    pieces: Generator[bytes, None, None],
    media_type: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer with the body ``pieces``, none of them empty.

    The first piece is made before the answer begins, so what fails at once is answered as an error.
    """
    maker = _Maker(pieces)
    try:
        first = await maker.next_piece()
    except BaseException:
        await maker.close()
        raise
    return StreamingResponse(_send(first, maker), status, headers=headers, media_type=media_type)


class _Maker:
    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stream")
        self._made_bytes = 0

    def next_piece(self) -> asyncio.Future[bytes]:
        """The next piece, empty at the end."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._make)

    def _make(self) -> bytes:
        piece = next(self._pieces, b"")
        self._made_bytes += len(piece)
        return piece

    async def close(self) -> None:
        """End the iterator, once it has made what it was making."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    def _end(self) -> None:
        self._pieces.close()
        if self._made_bytes >= LONG_WORK_BYTES:
            give_back_memory()


async def _send(first: bytes, maker: _Maker) -> AsyncIterator[bytes]:
    making = maker.next_piece()
    try:
        piece = first
        while piece:
            yield piece
            piece = await asyncio.shield(making)
            if piece:
                making = maker.next_piece()
    finally:
        await asyncio.wait({making})
        await maker.close()
