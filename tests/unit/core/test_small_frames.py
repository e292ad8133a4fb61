"""Frames that declare a small size are decompressed whole: what they declare must bound what they cost."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import zstandard

from museui.core.errors import Integrity, TooLarge
from museui.core.frames import FRAME_RAW_BYTES, FrameTable, StretchReader, iter_raw

LIMIT = 1 << 30


def _content(size: int) -> bytes:
    words = random.Random(size).randbytes(512)
    return (words * (size // len(words) + 1))[:size]


def _redeclared(frame: bytes, size: int) -> bytes:
    """``frame`` (of our own writer: single segment, four-byte size) with another declared size."""
    descriptor = frame[4]
    assert descriptor & 0x20 and descriptor >> 6 == 2
    return frame[:5] + size.to_bytes(4, "little") + frame[9:]


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("size", [0, 1, 200_000, FRAME_RAW_BYTES, FRAME_RAW_BYTES + 1])
def test_frames_of_every_size_give_their_content(size: int, checksum: bool) -> None:
    content = _content(size)
    frame = zstandard.ZstdCompressor(write_checksum=checksum).compress(content)
    table = FrameTable()
    assert b"".join(iter_raw([frame, frame], LIMIT, table)) == content * 2
    assert table.starts[-1] == ((len(frame), size) if size else (len(frame), 0))


def test_a_small_frame_of_many_blocks_gives_its_content_in_pieces() -> None:
    compressor = zstandard.ZstdCompressor().compressobj(size=100_000)
    parts = [compressor.compress(b"x" * 100) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for _ in range(1000)]
    pieces = list(iter_raw([*parts, compressor.flush()], LIMIT))
    assert b"".join(pieces) == b"x" * 100_000
    assert len(pieces) > 1


@pytest.mark.parametrize("declared", [150_000, 250_000])
def test_a_frame_that_lies_about_its_size_is_damaged(declared: int) -> None:
    frame = _redeclared(zstandard.ZstdCompressor().compress(_content(200_000)), declared)
    with pytest.raises(Integrity, match="damaged"):
        list(iter_raw([frame], LIMIT))


def test_a_flipped_byte_under_a_checksum_is_damaged() -> None:
    frame = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(_content(200_000)))
    frame[-2] ^= 1
    with pytest.raises(Integrity, match="damaged"):
        list(iter_raw([bytes(frame)], LIMIT))


def test_small_frames_together_stay_under_the_limit() -> None:
    frame = zstandard.ZstdCompressor().compress(bytes(FRAME_RAW_BYTES))
    got = 0
    with pytest.raises(TooLarge):
        for piece in iter_raw([frame] * 1000, 10 * FRAME_RAW_BYTES):
            got += len(piece)
    assert got == 10 * FRAME_RAW_BYTES


@pytest.mark.parametrize("compressed", [True, False])
def test_stretches_are_read_in_any_order_in_bounded_pieces(compressed: bool) -> None:
    content = random.Random(3).randbytes(3 * FRAME_RAW_BYTES)
    wire, table = content, FrameTable()
    if compressed:
        compressor = zstandard.ZstdCompressor(level=1)
        frames = [content[at : at + FRAME_RAW_BYTES] for at in range(0, len(content), FRAME_RAW_BYTES)]
        wire = b"".join(compressor.compress(frame) for frame in frames)
        list(iter_raw([wire], LIMIT, table))
    opened: list[int] = []

    def open_wire(offset: int) -> Iterator[bytes]:
        opened.append(offset)
        return (wire[at : at + 65536] for at in range(offset, len(wire), 65536))

    reader = StretchReader(open_wire, table)
    for offset, size in ((5, 10), (5, 10), (100, FRAME_RAW_BYTES), (FRAME_RAW_BYTES + 90, 70_000), (7, 1)):
        pieces = list(reader.pieces(offset, size))
        assert b"".join(pieces) == content[offset : offset + size]
        assert max(map(len, pieces)) <= FRAME_RAW_BYTES
    assert len(opened) <= 3
    with pytest.raises(Integrity, match="shorter"):
        list(reader.pieces(len(content) - 1, 2))
