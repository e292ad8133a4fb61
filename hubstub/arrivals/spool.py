"""Bodies that are too long to hold: written to a local file while they arrive, and hashed in the same pass.

Writing and hashing run in a thread, one piece behind what arrives, so that nobody else waits for them.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from museui.core.errors import Unavailable

from ..store.keys import PROBE_BYTES

_PIECE_BYTES = 1 << 20
_INLINE_BYTES = 1 << 17


@dataclass(frozen=True, slots=True)
class Spooled:
    """A body that has arrived: where it lies, its length and its SHA-256 (bare hex)."""

    path: Path
    size_bytes: int
    sha256: str

    def read(self) -> Iterator[bytes]:
        """The bytes, 1 MiB at a time. Blocks: for worker threads."""
        with self.path.open("rb", buffering=0) as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


class Growing(Protocol):
    """Somebody who wants to know how far a file is written."""

    def grow(self, size_bytes: int) -> None:
        """So much more of it is. In any thread."""


class Spool:
    """A folder of bodies that are arriving or being worked on; nothing in it outlives its request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def receive(
        self, chunks: AsyncIterator[bytes], arriving: Callable[[Path], Growing] | None = None
    ) -> AsyncIterator[Spooled]:
        """The body that ``chunks`` bring, for as long as the context lasts.

        ``arriving`` is told of the file before anything is in it, and what it gives of all that is written.
        Raises :class:`Unavailable` when it cannot be written, and what ``chunks`` raise.
        """
        with self.reserve() as path:
            with _disk_errors():
                file = path.open("xb", buffering=0)
            with file:
                size_bytes, sha256 = await _write(file, chunks, arriving(path) if arriving else None)
            yield Spooled(path, size_bytes, sha256)

    @contextmanager
    def reserve(self) -> Iterator[Path]:
        """The path of a new file, which goes when the context ends. Raises :class:`Unavailable`."""
        path = self._folder / secrets.token_hex(16)
        with _disk_errors():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @asynccontextmanager
    async def copy(self, pieces: Iterator[bytes]) -> AsyncIterator[Spooled]:
        """What ``pieces`` give, taken in a worker thread, as a local file for as long as the context lasts."""

        async def chunks() -> AsyncIterator[bytes]:
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece

        async with self.receive(chunks()) as spooled:
            yield spooled

    async def check(self) -> None:
        """Raise :class:`Unavailable` when nothing can be written here now, above all without room."""

        def probe() -> None:
            with self.reserve() as path, _disk_errors():
                path.write_bytes(bytes(PROBE_BYTES))

        await asyncio.to_thread(probe)

    async def clear(self) -> None:
        """Make the folder, empty of what an earlier process left. Only before anything is received."""
        await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        with _disk_errors():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self._folder.iterdir():
                path.unlink(missing_ok=True)


def copy_pieces(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """``pieces`` as they are, each written down before it is given; they are the file ``path`` once all are taken.

    Blocks: for worker threads.  Raises :class:`Unavailable` when they cannot be written, and what ``pieces`` raise.
    """
    partial = path.with_suffix(".part")
    try:
        with _disk_errors():
            file = partial.open("xb", buffering=0)
        with file:
            for piece in pieces:
                with _disk_errors():
                    view = memoryview(piece)
                    while view:
                        view = view[file.write(view) :]
                yield piece
        with _disk_errors():
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


async def _write(file: BinaryIO, chunks: AsyncIterator[bytes], growing: Growing | None) -> tuple[int, str]:
    digest = hashlib.sha256()
    size_bytes = 0
    held: list[bytes] = []
    held_bytes = 0
    writing: asyncio.Future[None] | None = None

    def write(pieces: list[bytes]) -> None:
        with _disk_errors():
            data = b"".join(pieces)
            digest.update(data)
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        if growing:
            growing.grow(len(data))

    try:
        async for chunk in chunks:
            held.append(chunk)
            held_bytes += len(chunk)
            size_bytes += len(chunk)
            if held_bytes >= _PIECE_BYTES:
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(asyncio.to_thread(write, held))
                held, held_bytes = [], 0
    finally:
        if writing is not None:
            await writing
    if held_bytes <= _INLINE_BYTES:
        write(held)
    else:
        await asyncio.to_thread(write, held)
    return size_bytes, digest.hexdigest()


class _disk_errors:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if isinstance(exc, OSError):
            why = exc.strerror or type(exc).__name__
            raise Unavailable(f"the hub cannot keep what arrives: {why}", hint="Try again in a moment.") from exc
