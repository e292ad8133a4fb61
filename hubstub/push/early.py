"""Verification that begins while the bytes still arrive, where they pass through the hub.

A push is checked as fast as it comes in, so that little is left to do once it is confirmed.  Nothing rests on it: the
bytes are known by their hash, and whatever went wrong is read again in the ordinary way, which gives the error.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from museui.core.errors import MuseError, Unavailable

from .verify import Contents

_AT_ONCE = 2
_KEPT_S = 30.0
_PIECE_BYTES = 1 << 20
_MIN_BYTES = 1 << 20

ReadContents = Callable[[Callable[[], Iterator[bytes]]], Contents]


class ArrivingFile:
    """A file that is read while it grows: one writer, one reader in another thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._written_bytes = 0
        self._ended = False
        self._whole = False

    def grow(self, size_bytes: int) -> None:
        """So much more of it is written."""
        with self._changed:
            self._written_bytes += size_bytes
            self._changed.notify()

    def end(self, *, whole: bool) -> None:
        """Nothing more comes; ``whole``: because that was all."""
        with self._changed:
            self._ended, self._whole = True, whole
            self._changed.notify()

    def read(self) -> Iterator[bytes]:
        """The bytes, up to 1 MiB at a time. Blocks; raises :class:`Unavailable` when the rest never comes."""
        at = 0
        with self._path.open("rb", buffering=0) as file:
            while size := self._wait(at):
                piece = file.read(min(size, _PIECE_BYTES))
                at += len(piece)
                yield piece

    def _wait(self, at: int) -> int:
        """How many bytes there are beyond ``at``; 0 at the end."""
        with self._changed:
            while self._written_bytes == at and not self._ended:
                self._changed.wait()
            if self._written_bytes == at and not self._whole:
                raise Unavailable("the body broke off")
            return self._written_bytes - at


class EarlyReads:
    """Contents that are, or were, verified before their confirm: a few at a time, kept for half a minute."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="early")
        self._running = 0
        self._kept: dict[str, asyncio.Future[Contents]] = {}

    @asynccontextmanager
    async def beside(
        self, upload_id: str, size_bytes: int, read: ReadContents
    ) -> AsyncIterator[Callable[[Path], ArrivingFile] | None]:
        """What tells of the file in which the upload arrives; None when it is not read early.

        ``read`` gets the bytes, in a thread.  What comes of it can be had from :meth:`take` once the context has
        ended well.
        """
        if size_bytes < _MIN_BYTES or self._running >= _AT_ONCE:
            yield None
            return
        begun: list[tuple[ArrivingFile, asyncio.Future[Contents]]] = []

        def begin(path: Path) -> ArrivingFile:
            file = ArrivingFile(path)
            reading = asyncio.get_running_loop().run_in_executor(self._executor, read, file.read)
            self._running += 1
            reading.add_done_callback(self._ended)
            begun.append((file, reading))
            return file

        try:
            yield begin
        except BaseException:
            for file, reading in begun:
                file.end(whole=False)
                reading.add_done_callback(_close)
            raise
        for file, reading in begun:
            file.end(whole=True)
            self._keep(upload_id, reading)

    async def take(self, upload_id: str) -> Contents | None:
        """The contents of an upload that has arrived, every part checked; None when they must be read."""
        reading = self._kept.pop(upload_id, None)
        try:
            return await reading if reading else None
        except (MuseError, OSError):
            return None

    def close(self) -> None:
        """Forget everything."""
        for upload_id in list(self._kept):
            self._drop(upload_id)
        self._executor.shutdown()

    def _ended(self, reading: asyncio.Future[Contents]) -> None:
        self._running -= 1

    def _keep(self, upload_id: str, reading: asyncio.Future[Contents]) -> None:
        self._drop(upload_id)
        self._kept[upload_id] = reading
        asyncio.get_running_loop().call_later(_KEPT_S, self._drop, upload_id, reading)

    def _drop(self, upload_id: str, only: asyncio.Future[Contents] | None = None) -> None:
        reading = self._kept.get(upload_id)
        if reading is not None and only in (None, reading):
            del self._kept[upload_id]
            reading.add_done_callback(_close)


def _close(reading: asyncio.Future[Contents]) -> None:
    if not reading.cancelled() and reading.exception() is None:
        reading.result().close()
