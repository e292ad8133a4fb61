"""Records packed into chunks, held in memory or in a nameless file."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from hubstub.push.chunks import CHUNK_RAW_BYTES, ChunkFile, ChunkWriter
from museui.core.errors import Unavailable


@pytest.mark.parametrize("held_bytes", [1 << 20, 10])
def test_every_record_is_found_where_it_was_said_to_lie(tmp_path: Path, held_bytes: int) -> None:
    file = ChunkFile(tmp_path, held_bytes)
    writers = ChunkWriter(file), ChunkWriter(file)
    records = [b"%d," % number * 20_000 for number in range(60)]
    places = [writers[number % 2].add(record) for number, record in enumerate(records)]
    for writer in writers:
        writer.close()
    chunks = {chunk.id: chunk for writer in writers for chunk in writer.chunks}
    assert len(chunks) > 2
    raw = {chunk.id: zstandard.ZstdDecompressor().decompress(chunk.read()) for chunk in reversed(chunks.values())}
    assert [raw[place.chunk_id][place.offset : place.offset + place.size] for place in places] == records
    assert all(len(raw[chunk.id]) == chunk.raw_bytes for chunk in chunks.values())
    assert all(chunk.raw_bytes < CHUNK_RAW_BYTES + max(map(len, records)) for chunk in chunks.values())
    assert list(tmp_path.iterdir()) == []
    file.close()


def test_nothing_packed_is_no_chunk() -> None:
    writer = ChunkWriter(ChunkFile())
    writer.close()
    assert writer.chunks == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    file = ChunkFile(tmp_path / "missing", held_bytes=1)
    with pytest.raises(Unavailable):
        file.append(b"more than one byte")
    file.close()
