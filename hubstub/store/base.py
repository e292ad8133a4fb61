"""What the hub asks of an object store: one small interface, with nothing of file systems in it.

:mod:`.keys` has the keys. ``tests/contract/test_store.py`` is the contract.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from .keys import Entry, PutTarget, UploadSpec
from .signing import UrlSigner


class ObjectStore(Protocol):
    """An object store. Every method raises :class:`~museui.core.errors.Unavailable` when the store cannot answer.

    What a ``put`` has returned from survives a power cut; until it returns nothing is seen under the key.  What lies
    in staging may change at any moment: whoever holds the URL may have sent something else.
    """

    signer: UrlSigner
    """Signs the URLs that lead to the hub itself."""

    @property
    def hub_serves_urls(self) -> bool:
        """Whether presigned GETs lead to the hub itself, which gives what still lies in a bundle as well."""

    async def check(self) -> None:
        """Whether the store can be read and written now."""

    async def recover(self) -> None:
        """Remove what an earlier process was writing when it died. Only before anything is written."""

    async def presign_put(self, upload: UploadSpec, hub_url: str) -> PutTarget:
        """A URL that takes the bytes of ``upload`` once. ``hub_url``: how the client reaches the hub itself."""

    async def presign_get(self, object_id: str, expires_at: int, hub_url: str, reader: str) -> str:
        """A URL that gives a promoted object (bare hex) until ``expires_at``; ``reader`` as in :mod:`.signing`."""

    async def stat(self, key: str) -> Entry | None:
        """What lies under ``key``, if anything does."""

    def read(self, key: str, offset: int = 0, size: int | None = None, version: str | None = None) -> Iterator[bytes]:
        """The bytes under ``key`` from ``offset`` on, at most ``size``, about 1 MiB at a time.

        Blocks: for worker threads.  Raises :class:`~museui.core.errors.NotFound` at the first piece when nothing (or,
        with ``version``, something else) lies there; what it began to read it reads to the end, whatever happens to
        the key.
        """

    async def put(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Store each (key, bytes), all durable on return, in place of what is there."""

    async def put_new(self, key: str, content: bytes) -> bool:
        """Store ``content`` under ``key`` unless something lies there; whether nothing did. Durable on return."""

    async def put_file(self, key: str, path: Path) -> None:
        """Store the bytes of the local file ``path``, in place of what is there; ``path`` may be moved away or stay."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove what lies under ``keys``; a key with nothing there is no error."""

    def list(self, prefix: str, first: str = "", last: str | None = None) -> AsyncIterator[Entry]:
        """Everything whose key begins with ``prefix`` (one of the three, or longer), in no special order.

        Of these the keys from ``first`` to ``last``, both included.
        """
