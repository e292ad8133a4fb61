"""Answers that are made while they are sent: a blocking iterator, run in worker threads one piece ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping

from starlette.responses import Response, StreamingResponse


async def stream(
    pieces: Generator[bytes, None, None],
    media_type: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer with the body ``pieces``, none of them empty.

    The first piece is made before the answer begins, so what fails at once is answered as an error.
    """
    first = await asyncio.to_thread(next, pieces, b"")
    return StreamingResponse(_send(first, pieces), status, headers=headers, media_type=media_type)


async def _send(first: bytes, pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    making = asyncio.ensure_future(asyncio.to_thread(next, pieces, b""))
    try:
        piece = first
        while piece:
            yield piece
            piece = await asyncio.shield(making)
            if piece:
                making = asyncio.ensure_future(asyncio.to_thread(next, pieces, b""))
    finally:
        await asyncio.wait({making})
        await asyncio.to_thread(pieces.close)
