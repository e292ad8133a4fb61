"""Records on their way into the index: many in one chunk, since manifests repeat themselves (``index/schema.py``)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import NamedTuple

import zstandard

CHUNK_RAW_BYTES = 1 << 20
_LEVEL = 1


class Place(NamedTuple):
    """Where a record lies: a chunk's id, then offset and size in the uncompressed chunk."""

    chunk_id: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A row of ``chunks``: one zstd frame of concatenated records."""

    id: str
    raw_bytes: int
    data: bytes


class ChunkWriter:
    """Packs records one after the other; a chunk is closed once it holds 1 MiB."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._open()

    def _open(self) -> None:
        self._id = secrets.token_hex(16)
        self._records: list[bytes] = []
        self._size = 0

    def add(self, record: bytes) -> Place:
        """Take one packed record and say where it will lie."""
        place = Place(self._id, self._size, len(record))
        self._records.append(record)
        self._size += len(record)
        if self._size >= CHUNK_RAW_BYTES:
            self.close()
        return place

    def close(self) -> None:
        """End the chunk under way, if it holds anything."""
        if self._records:
            data = self._compressor.compress(b"".join(self._records))
            self.chunks.append(Chunk(self._id, self._size, data))
            self._open()
