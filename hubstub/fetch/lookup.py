"""The index, asked from a worker thread: what is streamed is made in threads, and the index lives in the event loop."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import zstandard
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Internal
from museui.core.frames import FrameTable
from museui.core.ids import ObjectId

from ..index.database import Database
from ..index.schema import chunks
from .places import ObjectPlace, RecordPlace, locate_objects, read_frame_tables

_CHUNKS_KEPT = 4

T = TypeVar("T")


class Lookup:
    """Blocking questions to the index. Made in the event loop, used in one worker thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._chunks: OrderedDict[str, bytes] = OrderedDict()

    def _ask(self, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async def asked() -> T:
            async with self._database.read() as connection:
                return await question(connection)

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result()

    def objects(self, ids: Iterable[ObjectId]) -> dict[ObjectId, ObjectPlace]:
        """See :func:`locate_objects`."""
        return self._ask(lambda connection: locate_objects(connection, ids))

    def frame_tables(self, bundle_ids: Iterable[str]) -> dict[str, FrameTable]:
        """See :func:`read_frame_tables`."""
        return self._ask(lambda connection: read_frame_tables(connection, bundle_ids))

    def record(self, place: RecordPlace) -> bytes:
        """One record as msgpack with bare hex ids. Records that lie together are cheap together."""
        chunk = self._chunks.get(place.chunk_id)
        if chunk is None:
            chunk = self._ask(lambda connection: _read_chunk(connection, place.chunk_id))
            self._chunks[place.chunk_id] = chunk
            if len(self._chunks) > _CHUNKS_KEPT:
                self._chunks.popitem(last=False)
        self._chunks.move_to_end(place.chunk_id)
        return chunk[place.offset : place.offset + place.size]


async def _read_chunk(connection: AsyncConnection, chunk_id: str) -> bytes:
    row = (await connection.execute(select(chunks).where(chunks.c.id == chunk_id))).one_or_none()
    if row is None:
        raise Internal(f"the index has lost chunk {chunk_id}")
    return zstandard.ZstdDecompressor().decompress(row.data, max_output_size=row.raw_bytes)
