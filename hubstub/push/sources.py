"""Where the bytes of a push lie while it is verified, and how they become a stored bundle, for every way in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..arrivals.spool import Spool, Spooled, copy_pieces
from ..store.base import ObjectStore
from ..store.files import FileStore
from ..store.keys import Entry, bundle_key
from .verify import Form


class PushSource(Protocol):
    """The bytes of one push. ``sha256`` (bare hex) is what they must hash to, None when nobody announced it."""

    @property
    def size_bytes(self) -> int:
        """Their number."""

    @property
    def sha256(self) -> str | None:
        """Their announced digest."""

    @property
    def form(self) -> Form:
        """What they are once uncompressed."""

    @property
    def max_raw_bytes(self) -> int | None:
        """What the client said they expand to."""

    def read(self) -> Iterator[bytes]:
        """The bytes, always the same. Blocks: for worker threads."""

    async def flush(self) -> None:
        """Begin to make them durable."""

    async def keep(self, bundle: str) -> None:
        """Store them as ``bundles/<bundle>``, durable on return."""


@contextmanager
def open_staged(
    store: ObjectStore, spool: Spool, entry: Entry, sha256: str, max_raw_bytes: int | None
) -> Iterator[PushSource]:
    """Bytes that were PUT to a presigned URL, for as long as the context lasts.

    What is stored in the end are the bytes that were read, whatever happens in the staging area meanwhile.
    """
    if isinstance(store, FileStore):
        yield StagedSource(store, entry, sha256, max_raw_bytes)
        return
    with spool.reserve() as copy:
        yield CopiedSource(store, entry, copy, sha256, max_raw_bytes)


@dataclass(frozen=True, slots=True)
class StagedSource:
    """Staged bytes of a store that writes nothing twice: they are linked to their new name."""

    store: FileStore
    entry: Entry
    sha256: str
    max_raw_bytes: int | None
    form: Form = "bundle"

    @property
    def size_bytes(self) -> int:
        """See :class:`PushSource`."""
        return self.entry.size_bytes

    def read(self) -> Iterator[bytes]:
        """See :class:`PushSource`."""
        return self.store.read(self.entry.key, version=self.entry.version)

    async def flush(self) -> None:
        """See :class:`PushSource`."""
        await self.store.flush(self.entry.key)

    async def keep(self, bundle: str) -> None:
        """See :class:`PushSource`."""
        await self.store.adopt(self.entry.key, self.entry.version, bundle_key(bundle))


@dataclass(frozen=True, slots=True)
class CopiedSource:
    """Staged bytes that somebody else may replace at any moment: read once, and copied to a local file meanwhile."""

    store: ObjectStore
    entry: Entry
    copy: Path
    sha256: str
    max_raw_bytes: int | None
    form: Form = "bundle"

    @property
    def size_bytes(self) -> int:
        """See :class:`PushSource`."""
        return self.entry.size_bytes

    def read(self) -> Iterator[bytes]:
        """See :class:`PushSource`."""
        return copy_pieces(self.store.read(self.entry.key, version=self.entry.version), self.copy)

    async def flush(self) -> None:
        """Nothing to be had early: what will be stored is what is being read."""

    async def keep(self, bundle: str) -> None:
        """See :class:`PushSource`."""
        await self.store.put_file(bundle_key(bundle), self.copy)


@dataclass(frozen=True, slots=True)
class SpooledSource:
    """Bytes that came as the body of the push itself."""

    store: ObjectStore
    spooled: Spooled
    form: Form
    sha256: str | None = None
    max_raw_bytes: int | None = None

    @property
    def size_bytes(self) -> int:
        """See :class:`PushSource`."""
        return self.spooled.size_bytes

    def read(self) -> Iterator[bytes]:
        """See :class:`PushSource`."""
        return self.spooled.read()

    async def flush(self) -> None:
        """Nothing to be had early: these bytes have only just arrived."""

    async def keep(self, bundle: str) -> None:
        """See :class:`PushSource`."""
        await self.store.put_file(bundle_key(bundle), self.spooled.path)
