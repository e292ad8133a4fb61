"""The first half of reading a push: stored bytes are read once, hashed as they are, and decompressed.

It runs in a thread of its own, a bounded part ahead of whoever unpacks: hashing and decompressing hold no
interpreter lock, so two cores share the work.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing

from museui.core.frames import FrameTable, iter_raw

AHEAD_BYTES = 32 << 20
INLINE_BYTES = 1 << 20


class _Hashed:
    """The stored bytes, hashed as they are taken. Not a generator: whoever stops taking them early does not end it."""

    def __init__(self, read: Callable[[], Iterable[bytes]]) -> None:
        self.digest = hashlib.sha256()
        self._pieces: Iterator[bytes] | None = None
        self._read = read

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._pieces is None:
            self._pieces = iter(self._read())
        piece = next(self._pieces)
        self.digest.update(piece)
        return piece


class Pump:
    """``read()`` gives the stored bytes; :meth:`pieces` the uncompressed stream; then ``sha256`` is known."""

    def __init__(self, read: Callable[[], Iterable[bytes]], size_bytes: int, max_raw_bytes: int) -> None:
        self.frames = FrameTable()
        self.waited_s = 0.0
        """How long whoever took the pieces had to wait for them."""
        self.raw_bytes = 0
        self._max_raw_bytes = max_raw_bytes
        self._inline = size_bytes <= INLINE_BYTES
        self._wire = _Hashed(read)
        self._changed = threading.Condition()
        self._ready: deque[bytes] = deque()
        self._held_bytes = 0
        self._ended = False
        self._stopped = False
        self._failure: BaseException | None = None

    def pieces(self) -> Generator[bytes, None, None]:
        """The uncompressed stream in order. Raises as :func:`museui.core.frames.iter_raw` and ``read`` do."""
        with closing(self._iter_inline() if self._inline else self._iter_ahead()) as source:
            while True:
                began = time.perf_counter()
                piece = next(source, None)
                self.waited_s += time.perf_counter() - began
                if piece is None:
                    return
                self.raw_bytes += len(piece)
                yield piece

    def finish(self) -> str:
        """The SHA-256 (bare hex) of all the stored bytes, also of those that were not asked for."""
        for _ in self._wire:
            pass
        return self._wire.digest.hexdigest()

    def _iter_inline(self) -> Generator[bytes, None, None]:
        yield from iter_raw(self._wire, self._max_raw_bytes, self.frames)

    def _iter_ahead(self) -> Generator[bytes, None, None]:
        thread = threading.Thread(target=self._run, name="pump")
        thread.start()
        try:
            while True:
                with self._changed:
                    while not self._ready and not self._ended:
                        self._changed.wait()
                    if not self._ready:
                        break
                    piece = self._ready.popleft()
                    self._held_bytes -= len(piece)
                    self._changed.notify()
                yield piece
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify()
            thread.join()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            for piece in iter_raw(self._wire, self._max_raw_bytes, self.frames):
                with self._changed:
                    while self._held_bytes > AHEAD_BYTES and not self._stopped:
                        self._changed.wait()
                    if self._stopped:
                        return
                    self._ready.append(piece)
                    self._held_bytes += len(piece)
                    self._changed.notify()
        except BaseException as exc:
            self._failure = exc
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()
