"""zstd on the wire: one or several standard frames, read block by block so that no bomb can go off.

A block expands to 128 KiB at most, so feeding a few blocks at a time bounds every step, whatever a frame header
declares; a frame that declares a small size is decompressed in one step, which keeps to it.  While it reads, the
reader notes where each frame starts on both sides; with that table any stretch of the uncompressed stream is found
again without decompressing what lies before its frame.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import zstandard

from .errors import Integrity, Invalid, TooLarge

MAGIC = b"\x28\xb5\x2f\xfd"
MAX_WINDOW_BYTES = 8 << 20
FRAME_RAW_BYTES = 4 << 20
"""Uncompressed size at which our own writer starts a new frame."""
_BLOCKS_AT_ONCE = 8
_BLOCKS_WHOLE = 64
"""Blocks of a frame that says it is small: they cannot hold more than twice what such a frame may."""
_HEADER_MAX = 18
_MAX_BLOCK_BYTES = 128 << 10
_FREE_PARTS = 1 << 16
_BYTES_PER_PART = 256
"""Frames and blocks may be empty, and each costs time: beyond some thousands they must hold something on average."""
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_MAX_SKIPPABLE_BYTES = 1 << 20
_MAX_FRAMES = 1 << 18


class FrameTable:
    """Where each frame of a stream starts: pairs of (offset on the wire, offset in the uncompressed stream)."""

    def __init__(self, starts: list[tuple[int, int]] | None = None) -> None:
        self.starts = starts or []

    def add(self, wire_offset: int, raw_offset: int) -> None:
        """Note that a frame starts here. Raises :class:`TooLarge` when frames are so small that the table is not."""
        if self.starts and self.starts[-1][1] == raw_offset:
            self.starts.pop()  # that frame was empty
        if len(self.starts) >= _MAX_FRAMES:
            raise TooLarge(f"the bundle has more than {_MAX_FRAMES} zstd frames")
        self.starts.append((wire_offset, raw_offset))

    def encode(self) -> bytes:
        """The table as little-endian pairs of unsigned 64-bit numbers."""
        return b"".join(struct.pack("<QQ", *pair) for pair in self.starts)

    @classmethod
    def decode(cls, data: bytes) -> FrameTable:
        """The inverse of :meth:`encode`."""
        return cls([(wire, raw) for wire, raw in struct.iter_unpack("<QQ", data)])

    def locate(self, raw_offset: int) -> tuple[int, int]:
        """The start (wire, raw) of the frame that holds ``raw_offset``; (0, 0) for an uncompressed stream."""
        if not self.starts:
            return raw_offset, raw_offset
        return self.starts[bisect_right(self.starts, raw_offset, key=lambda pair: pair[1]) - 1]


class _Wire:
    """A pull buffer over chunks of bytes that knows its offset."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = b""
        self._at = 0
        self.offset = 0
        self.parts = 0
        """Frames and blocks so far."""

    def peek(self, size: int) -> bytes:
        """Up to ``size`` bytes without moving on; fewer only at the end."""
        held = len(self._buffer) - self._at
        if held < size:
            parts = [self._buffer[self._at :]]
            while held < size and (chunk := next(self._chunks, None)) is not None:
                parts.append(chunk)
                held += len(chunk)
            self._buffer = b"".join(parts)
            self._at = 0
        return self._buffer[self._at : self._at + size]

    def take(self, size: int) -> memoryview:
        """Exactly ``size`` bytes. Raises :class:`Integrity` when the stream ends before."""
        self._require(size)
        data = memoryview(self._buffer)[self._at : self._at + size]
        self._at += size
        self.offset += size
        return data

    def peek_number(self, ahead: int) -> int:
        """The three bytes that come after the next ``ahead``, as a number. Raises as :meth:`take` does."""
        self._require(ahead + 3)
        at = self._at + ahead
        return int.from_bytes(self._buffer[at : at + 3], "little")

    def _require(self, size: int) -> None:
        if len(self._buffer) - self._at < size and len(data := self.peek(size)) < size:
            raise Integrity("the compressed stream is truncated", details={"offset": self.offset + len(data)})

    def rest(self) -> Iterator[bytes]:
        """All that is left, as it comes."""
        if self._at < len(self._buffer):
            yield self._buffer[self._at :]
        yield from self._chunks


def iter_raw(chunks: Iterable[bytes], max_raw_bytes: int, table: FrameTable | None = None) -> Iterator[bytes]:
    """The uncompressed stream of ``chunks`` (zstd frames, or anything else as it is), in pieces of about 1 MiB.

    Fills ``table`` while it reads.  Raises :class:`TooLarge` beyond ``max_raw_bytes``, :class:`Integrity` for a
    damaged or truncated stream, :class:`Invalid` for a window over 8 MiB.
    """
    wire = _Wire(chunks)
    table = table if table is not None else FrameTable()
    raw = 0
    head = wire.peek(4)
    if not (head == MAGIC or _skippable_size(wire) is not None):
        for piece in wire.rest():
            raw += len(piece)
            _check_size(raw, max_raw_bytes)
            yield piece
        return
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    while wire.peek(1):
        wire.parts += 1
        skip = _skippable_size(wire)
        if skip is not None:
            wire.take(8 + skip)
            _check_parts(wire.parts, raw)
            continue
        table.add(wire.offset, raw)
        for piece in _iter_frame(wire, decompressor):
            raw += len(piece)
            _check_size(raw, max_raw_bytes)
            _check_parts(wire.parts, raw)
            if piece:
                yield piece


def _check_size(raw: int, max_raw_bytes: int) -> None:
    if raw > max_raw_bytes:
        raise TooLarge(
            f"the bundle expands to more than {max_raw_bytes} bytes", details={"max_raw_bytes": max_raw_bytes}
        )


def _check_parts(parts: int, raw: int) -> None:
    if parts > _FREE_PARTS + raw // _BYTES_PER_PART:
        raise Invalid(f"the compressed stream is made of {parts} frames and blocks that hold next to nothing")


def _skippable_size(wire: _Wire) -> int | None:
    head = wire.peek(8)
    if len(head) < 8 or int.from_bytes(head[:4], "little") not in _SKIPPABLE:
        return None
    size = int.from_bytes(head[4:], "little")
    if size > _MAX_SKIPPABLE_BYTES:
        raise Invalid(f"a skippable frame of {size} bytes is too large")
    return size


def _iter_frame(wire: _Wire, decompressor: Any) -> Iterator[bytes]:
    """One frame (RFC 8878, sections 3.1.1.1 and 3.1.1.2): whole when it says that it is small, else by a few blocks."""
    head = wire.peek(_HEADER_MAX)
    try:
        header_size = zstandard.frame_header_size(head)
        parameters = zstandard.get_frame_parameters(head)
    except zstandard.ZstdError as exc:
        raise Integrity("the compressed stream is damaged: no frame where one must begin") from exc
    if parameters.window_size > MAX_WINDOW_BYTES:
        raise Invalid(
            f"zstd window of {parameters.window_size} bytes is over {MAX_WINDOW_BYTES}",
            hint="Compress at level 19 or below, without --long.",
        )
    small = 0 < parameters.content_size <= FRAME_RAW_BYTES
    blocks_at_once = _BLOCKS_WHOLE if small else _BLOCKS_AT_ONCE
    stream: Any = None
    end = header_size  # of what is looked at and not yet taken
    blocks = 0
    raw = 0
    last = False
    try:
        while not last:
            bits = wire.peek_number(end)
            last = bool(bits & 1)
            if bits >> 3 > _MAX_BLOCK_BYTES:
                raise Integrity(
                    "the compressed stream is damaged: a block is too large", details={"offset": wire.offset}
                )
            end += 3 + (1 if (bits >> 1) & 3 == 1 else bits >> 3)
            blocks += 1
            wire.parts += 1
            if last and parameters.has_checksum:
                end += 4
            if last and small and stream is None:
                yield decompressor.decompress(wire.take(end))
                return
            if last or blocks >= blocks_at_once:
                stream = stream or decompressor.decompressobj()
                piece = stream.decompress(wire.take(end))
                end, blocks, blocks_at_once = 0, 0, _BLOCKS_AT_ONCE
                raw += len(piece)
                yield piece
    except zstandard.ZstdError as exc:
        raise Integrity(f"the compressed stream is damaged: {exc}", details={"offset": wire.offset}) from exc
    # libzstd lets a frame that ends with an empty block have any declared size.
    if not stream.eof or parameters.content_size not in (raw, zstandard.CONTENTSIZE_UNKNOWN):
        raise Integrity("the compressed stream is damaged: a frame does not end where it says")


class StretchReader:
    """Reads stretches of the uncompressed stream of something stored, in bounded memory.

    ``open_wire(offset)`` gives the stored bytes from ``offset`` on.  The stream is read on while the next stretch is
    near, and opened anew at a frame's start when it is not; so ascending offsets cost one pass.
    """

    def __init__(
        self,
        open_wire: Callable[[int], Iterable[bytes]],
        table: FrameTable,
        max_gap_bytes: int = FRAME_RAW_BYTES,
    ) -> None:
        self._open_wire = open_wire
        self._table = table
        self._max_gap_bytes = max_gap_bytes
        self._source: Iterator[bytes] | None = None
        self._buffer = b""
        self._start = self._end = 0  # the uncompressed offsets that `_buffer` covers

    def pieces(self, offset: int, size: int) -> Iterator[bytes]:
        """The ``size`` bytes from ``offset`` on, in pieces of at most a few MiB.

        Raises :class:`Integrity` when they are not there, and as :func:`iter_raw` does.
        """
        source = self._open_near(offset)
        at, missing = offset, size
        while missing:
            if at < self._end:
                part = self._buffer[at - self._start : at - self._start + missing]
                at += len(part)
                missing -= len(part)
                yield part
                continue
            self._source = None  # until it has given something: what failed is opened anew
            piece = next(source, None)
            if piece is None:
                raise Integrity("a stored bundle is shorter than its index says")
            self._source = source
            self._buffer, self._start, self._end = piece, self._end, self._end + len(piece)

    def _open_near(self, offset: int) -> Iterator[bytes]:
        wire_offset, raw_offset = self._table.locate(offset)
        if self._source is None or offset < self._start or raw_offset > self._end + self._max_gap_bytes:
            wire = self._open_wire(wire_offset)
            self._source = iter_raw(wire, max_raw_bytes=1 << 62) if self._table.starts else iter(wire)
            self._buffer, self._start, self._end = b"", raw_offset, raw_offset
        return self._source


def compress_frames(
    parts: Iterable[bytes], level: int, executor: Executor, in_flight: int = 3, frame_raw_bytes: int = FRAME_RAW_BYTES
) -> Iterator[bytes]:
    """Compress ``parts`` into independent frames of about ``frame_raw_bytes``, several at once on ``executor``.

    The same parts and level give the same bytes, however many threads there are.  Holds ``in_flight`` frames at most.
    """
    waiting: deque[Future[bytes]] = deque()
    for frame in _gather(parts, frame_raw_bytes):
        if len(waiting) >= in_flight:
            yield waiting.popleft().result()
        waiting.append(executor.submit(_compress, frame, level))
    while waiting:
        yield waiting.popleft().result()


def _gather(parts: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    frame: list[bytes] = []
    held = 0
    for part in parts:
        while held + len(part) > size:
            cut = size - held
            frame.append(part[:cut])
            yield frame
            frame, held, part = [], 0, part[cut:]
        frame.append(part)
        held += len(part)
    if frame:
        yield frame


def _compress(parts: list[bytes], level: int) -> bytes:
    data = b"".join(parts)
    return zstandard.ZstdCompressor(level=level, write_checksum=False, write_content_size=True).compress(data)
