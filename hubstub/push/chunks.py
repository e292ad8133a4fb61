"""Records on their way into the index: many in one chunk, since manifests repeat themselves (``index/schema.py``).

What has been packed waits for the transaction in memory while it is little, and in a nameless file when it is not.
"""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import zstandard

from museui.core.errors import Unavailable

CHUNK_RAW_BYTES = 1 << 20
HELD_BYTES = 32 << 20
_LEVEL = 1


class Place(NamedTuple):
    """Where a record lies: a chunk's id, then offset and size in the uncompressed chunk."""

    chunk_id: str
    offset: int
    size: int


class ChunkFile:
    """Chunks of one push that wait to be inserted. ``folder`` must exist once they are many."""

    def __init__(self, folder: Path | None = None, held_bytes: int = HELD_BYTES) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=held_bytes, dir=str(folder) if folder else None)  # noqa: SIM115
        self._end = 0

    def append(self, data: bytes) -> int:
        """Keep ``data``; its offset. Raises :class:`Unavailable` when it cannot be written."""
        offset = self._end
        try:
            self._file.seek(offset)
            self._file.write(data)
        except OSError as exc:
            raise Unavailable(f"the hub cannot keep what arrives: {exc.strerror}", hint="Try again later.") from exc
        self._end += len(data)
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """What was kept there."""
        self._file.seek(offset)
        return self._file.read(size)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    __del__ = close


@dataclass(frozen=True, slots=True)
class Chunk:
    """A row of ``chunks``: one zstd frame of concatenated records, ``size_bytes`` at ``offset`` of ``file``."""

    id: str
    raw_bytes: int
    file: ChunkFile
    offset: int
    size_bytes: int

    def read(self) -> bytes:
        """The frame. Not in two threads at once."""
        return self.file.read(self.offset, self.size_bytes)


class ChunkWriter:
    """Packs records one after the other; a chunk is closed once it holds 1 MiB."""

    def __init__(self, file: ChunkFile) -> None:
        self.chunks: list[Chunk] = []
        self._file = file
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
            self.chunks.append(Chunk(self._id, self._size, self._file, self._file.append(data), len(data)))
            self._open()
