"""The records in the index, read chunk by chunk: each chunk is decompressed once for all that is wanted of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgpack
import zstandard
from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import Integrity
from museui.core.ids import ObjectId

from .schema import chunks, snapshots

_ROWS_AT_ONCE = 512

Rows = list[Row[*tuple[Any, ...]]]


async def iter_by_chunk(connection: AsyncConnection, query: Select[*tuple[Any, ...]]) -> AsyncIterator[Rows]:
    """The rows of ``query``, which is sorted by ``chunk_id``, as many at a time as lie in one chunk."""
    held: Rows = []
    result = await connection.stream(query.execution_options(yield_per=_ROWS_AT_ONCE))
    async for row in result:
        if held and held[0].chunk_id != row.chunk_id:
            yield held
            held = []
        held.append(row)
    if held:
        yield held


async def read_chunk(connection: AsyncConnection, chunk_id: str) -> bytes:
    """The records of a chunk. Raises :class:`Integrity` when it is not there or damaged."""
    row = (await connection.execute(select(chunks).where(chunks.c.id == chunk_id))).one_or_none()
    if row is None:
        raise Integrity(f"chunk {chunk_id} is missing")
    try:
        data = zstandard.ZstdDecompressor().decompress(row.data, max_output_size=row.raw_bytes)
    except zstandard.ZstdError as exc:
        raise Integrity(f"chunk {chunk_id} is damaged: {exc}") from exc
    if len(data) != row.raw_bytes:
        raise Integrity(f"chunk {chunk_id} has {len(data)} bytes, not {row.raw_bytes}")
    return data


async def iter_named_objects(
    connection: AsyncConnection, repository_id: int, wanted: Callable[[bytes], bool]
) -> AsyncIterator[set[ObjectId]]:
    """The objects that the repository's snapshots name, chunk by chunk; of those snapshots whose id is ``wanted``.

    Raises :class:`Integrity` when a record cannot be read.
    """
    columns = (snapshots.c.id, snapshots.c.chunk_id, snapshots.c.chunk_offset, snapshots.c.chunk_size)
    query = select(*columns).where(snapshots.c.repository_id == repository_id).order_by(snapshots.c.chunk_id)
    async for rows in iter_by_chunk(connection, query):
        kept = [row for row in rows if wanted(row.id)]
        if not kept:
            continue
        data = await read_chunk(connection, kept[0].chunk_id)
        named: set[ObjectId] = set()
        for row in kept:
            record = data[row.chunk_offset : row.chunk_offset + row.chunk_size]
            try:
                named.update(msgpack.unpackb(record)["manifest"].values())
            except (ValueError, KeyError, TypeError, AttributeError) as exc:
                raise Integrity(f"the record of snapshot {row.id.hex()} is damaged") from exc
        yield named
