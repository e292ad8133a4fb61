"""msgpack read as a stream, under limits, from bytes nobody vouches for.

The C decoder of msgpack is not recursive and builds nothing before the bytes are there; what it does not refuse by
itself (duplicate keys, extension types, trailing bytes) is refused here, and every fault becomes one of our errors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import msgpack

from .errors import Invalid, MuseError, TooLarge

_MAX_ARRAY = 1 << 20
_MAX_FIELDS = 64
"""Fields of a map that is read field by field; the format knows six."""
_MAX_TEXT = 255
_BYTES_PER_ENTRY = 32
_FREE_ENTRIES = 1 << 16
_READ_BYTES = 1 << 18
_SMALL_BITE_BYTES = 1 << 10
_PIECE_BYTES = 1 << 20
_BIN_LENGTH_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4}

T = TypeVar("T")


class _ChunkFile:
    """``read(n)`` over an iterable of bytes, as msgpack's decoder wants it: up to ``n`` bytes, none at the end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self.given = 0
        self.bite_bytes = _READ_BYTES
        """How much the decoder gets at a time."""
        self.stop_at: float = math.inf
        """How many bytes may be given out in all before one value has taken too many."""
        self.ended = False
        self.failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        if self.given >= self.stop_at:
            raise TooLarge("one value is too large", details={"offset": self.given})
        return bytes(self.view(min(size, self.bite_bytes)))

    def view(self, size: int) -> bytes | memoryview:
        """Up to ``size`` bytes without copying them; none at the end."""
        if not size or not self._fill():
            return b""
        chunk, at = self._chunk, self._at
        self._at = min(at + size, len(chunk))
        self.given += self._at - at
        return chunk if self._at - at == len(chunk) else memoryview(chunk)[at : self._at]

    def at_hand(self, size: int) -> memoryview | None:
        """As :meth:`view`, exactly ``size`` bytes; None, and nothing was taken, when they lie across two chunks."""
        at, end = self._at, self._at + size
        if end > len(self._chunk):
            return None
        self._at = end
        self.given += size
        return memoryview(self._chunk)[at:end]

    def put_back(self, data: bytes) -> None:
        """Give out again what was given out last."""
        self.given -= len(data)
        self._at -= len(data)
        if self._at < 0:
            self._chunk, self._at = data[: -self._at] + self._chunk, 0

    def peek(self, size: int) -> bytes:
        """The next bytes, up to ``size``, which stay; a value that lies across two chunks is joined here."""
        while self._fill() and len(self._chunk) - self._at < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._chunk, self._at = self._chunk[self._at :] + chunk, 0
        return self._chunk[self._at : self._at + size]

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Take what ``pattern`` matches here, if it does within what is at hand."""
        found = pattern.match(self._chunk, self._at) if self._fill() else None
        if found:
            self.given += found.end() - self._at
            self._at = found.end()
        return found

    def _fill(self) -> bool:
        """Whether there is anything left."""
        while self._at >= len(self._chunk):
            try:
                chunk = next(self._chunks, None)
            except MuseError as exc:
                self.failure = exc
                raise
            if chunk is None:
                self.ended = True
                return False
            self._chunk, self._at = chunk, 0
        return True


class _Containers:
    """What msgpack calls at the end of each map and list: counts entries, refuses a key that is there twice.

    An empty map takes one byte on the wire and 64 in memory, so bytes alone do not bound a value.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self.entries = 0

    def _count(self, size: int) -> None:
        self.entries += size + 1
        if self.entries > self._max_entries:
            raise TooLarge(f"one value has more than {self._max_entries} entries")

    def end_list(self, items: list[Any]) -> list[Any]:
        self._count(len(items))
        return items

    def end_map(self, pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        self._count(len(pairs))
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise Invalid("a msgpack map has the same key twice")
        return fields


def check_size(size: int, what: str, limit: int) -> int:
    """``size`` (bytes) when it is not over ``limit``; raises :class:`TooLarge` naming ``what`` otherwise."""
    if size > limit:
        raise TooLarge(f"{what} has {size} bytes, more than {limit}", details={"size_bytes": size})
    return size


def _no_extension(code: int, data: bytes) -> Any:
    raise Invalid(f"msgpack extension type {code} is not allowed")


class StreamUnpacker:
    """Reads one msgpack value after the other from an uncompressed stream.

    Every method raises :class:`Invalid` for malformed or truncated input and :class:`TooLarge` for a value over
    ``max_value_bytes`` or with far more entries than that suggests; errors of the stream itself pass through.
    """

    def __init__(self, chunks: Iterable[bytes], max_value_bytes: int) -> None:
        self._file = _ChunkFile(chunks)
        self._beside = 0  # bytes that were taken without going through the decoder
        self._max_value_bytes = max_value_bytes
        max_entries = _FREE_ENTRIES + max_value_bytes // _BYTES_PER_ENTRY
        self._containers = _Containers(max_entries)
        self._unpacker = msgpack.Unpacker(
            self._file,
            read_size=min(_READ_BYTES, max_value_bytes),
            max_buffer_size=max_value_bytes,
            max_array_len=_MAX_ARRAY,
            max_map_len=max_entries,  # its pairs are built before anybody can count them
            object_pairs_hook=self._containers.end_map,
            list_hook=self._containers.end_list,
            ext_hook=_no_extension,
        )

    @property
    def offset(self) -> int:
        """How many bytes of the uncompressed stream have been used."""
        return int(self._unpacker.tell()) + self._beside

    @property
    def _buffered(self) -> int:
        """How many bytes the decoder has and has not used."""
        return self._file.given - self._beside - int(self._unpacker.tell())

    def _call(self, method: Callable[[], T]) -> T:
        try:
            return method()
        except MuseError:
            raise
        except msgpack.OutOfData as exc:
            if self._file.failure:
                raise self._file.failure from None
            if not self._file.ended:
                raise self._too_large() from exc
            raise self._truncated() from exc
        except msgpack.BufferFull as exc:
            raise self._too_large() from exc
        except (msgpack.UnpackException, ValueError, TypeError, RecursionError, OverflowError, MemoryError) as exc:
            why = str(exc) or type(exc).__name__
            raise Invalid(f"the bundle is not valid msgpack: {why}"[:200], details={"offset": self.offset}) from exc

    def _too_large(self) -> TooLarge:
        return TooLarge(f"one value is larger than {self._max_value_bytes} bytes", details={"offset": self.offset})

    def value(self) -> Any:
        """The next value, whole."""
        # The decoder lets go of what it has decoded, so its own limits hold for parts of a value only.
        start = self._unpacker.tell()
        self._containers.entries = 0
        self._file.stop_at = self.offset + self._max_value_bytes + _READ_BYTES
        value = self._call(self._unpacker.unpack)
        self._file.stop_at = math.inf
        if self._unpacker.tell() - start > self._max_value_bytes:
            raise self._too_large()
        return value

    def skip(self) -> None:
        """Pass over the next value."""
        bite_bytes, self._file.bite_bytes = self._file.bite_bytes, _READ_BYTES
        self._call(self._unpacker.skip)
        self._file.bite_bytes = bite_bytes

    def map_size(self, what: str) -> int:
        """The number of entries of the map that begins here, few enough to be fields."""
        try:
            size = int(self._call(self._unpacker.read_map_header))
        except Invalid as exc:
            raise Invalid(f"{what} is not a map ({exc.message})", details=exc.details) from exc
        if size > _MAX_FIELDS:
            raise TooLarge(f"{what} has {size} fields, more than {_MAX_FIELDS}")
        return size

    def array_size(self, what: str, limit: int) -> int:
        """The number of entries of the array that begins here; :class:`TooLarge` beyond ``limit``."""
        try:
            size = int(self._call(self._unpacker.read_array_header))
        except Invalid as exc:
            raise Invalid(f"{what} is not a list ({exc.message})", details=exc.details) from exc
        if size > limit:
            raise TooLarge(f"{what}: {size} entries are more than {limit}")
        return size

    def text(self, what: str) -> str:
        """The next value, which must be short text: a key, or the kind of a frame."""
        value = self.value()
        if not isinstance(value, str) or len(value) > _MAX_TEXT:
            raise Invalid(f"{what} is not a text of at most {_MAX_TEXT} characters")
        return value

    def binary_size(self, what: str, limit: int) -> int:
        """The length of the binary value that begins here; read its bytes with :meth:`pieces`."""
        head = self._exactly(1)[0]
        width = _BIN_LENGTH_BYTES.get(head)
        if width is None:
            raise Invalid(f"{what} is not binary", details={"offset": self.offset})
        return check_size(int.from_bytes(self._exactly(width), "big"), what, limit)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next ``size`` bytes as they are, at most 1 MiB at a time."""
        return map(bytes, self.views(size))

    def views(self, size: int) -> Iterable[bytes | memoryview]:
        """As :meth:`pieces`, without copying what the decoder has not got yet. They may be taken at once."""
        if 0 < size <= _PIECE_BYTES and not self._buffered and (view := self._file.at_hand(size)) is not None:
            self._beside += size
            return (view,)
        return self._views(size)

    def _views(self, size: int) -> Iterator[bytes | memoryview]:
        size_buffered = min(size, self._buffered)
        size -= size_buffered
        while size_buffered:
            piece = self._read(min(size_buffered, _PIECE_BYTES))
            size_buffered -= len(piece)
            yield piece
        while size:
            view = self._call(partial(self._file.view, min(size, _PIECE_BYTES)))
            if not view:
                raise self._truncated()
            size -= len(view)
            self._beside += len(view)
            yield view

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Take what ``pattern`` matches at this place, a short cut past the decoder. None says nothing of the bytes."""
        if self._buffered:
            return None
        found = self._file.match(pattern)
        if found:
            self._beside += len(found[0])
        return found

    def peek(self, size: int) -> bytes:
        """Up to ``size`` of the bytes that follow, for :meth:`take`; fewer only at the end of the stream."""
        if size_buffered := self._buffered:
            self._file.put_back(self._exactly(size_buffered))
            self._beside -= size_buffered
        return self._call(partial(self._file.peek, size))

    def take(self, size: int) -> None:
        """Pass over ``size`` bytes that :meth:`peek` gave."""
        self._file.view(size)
        self._beside += size

    @contextmanager
    def small_bites(self) -> Iterator[None]:
        """Meanwhile the decoder reads little ahead, so that long binaries are not copied through it."""
        self._file.bite_bytes = _SMALL_BITE_BYTES
        try:
            yield
        finally:
            self._file.bite_bytes = _READ_BYTES

    def _read(self, size: int) -> bytes:
        piece = bytes(self._call(lambda: self._unpacker.read_bytes(size)))
        if not piece:
            raise self._truncated()
        return piece

    def _truncated(self) -> Invalid:
        return Invalid("the bundle is truncated", details={"offset": self.offset})

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        while len(data) < size:
            data += self._read(size - len(data))
        return data

    def finish(self) -> None:
        """Refuse bytes after the last value."""
        if self._call(lambda: self._unpacker.read_bytes(1)):
            raise Invalid("there are bytes after the end of the bundle", details={"offset": self.offset})
