"""What the hub asks of an object store: one small interface, with nothing of file systems in it.

Keys: ``staging/<upload>`` (what clients PUT, never served; single objects as ``staging/o-<whose>-<object>``),
``bundles/<id>`` (pushed bundles that wait for their promotion), ``objects/<2 hex>/<62 hex>`` (one object each).
``tests/contract/test_store.py`` is the contract.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .signing import UrlSigner

STAGING = "staging/"
BUNDLES = "bundles/"
OBJECTS = "objects/"
OBJECT_UPLOAD = "o-"
"""What the name of an upload of one object begins with; no row of the index knows it."""
PROBE = "probe-"
"""Prefix of the bundles by which a hub tries its store; no row ever names them."""
PUT_CONTENT_TYPE = "application/octet-stream"
READ_BYTES = 1 << 20
"""How much :meth:`ObjectStore.read` gives at a time."""
PROBE_BYTES = 256 << 10
"""Bytes that are written to see whether there is room: a full disk takes an empty file."""


def staging_key(upload_id: str) -> str:
    """Where the bytes of an upload arrive."""
    return STAGING + upload_id


def bundle_key(bundle: str) -> str:
    """Where a stored bundle (``bundles.id`` of the index) lies."""
    return BUNDLES + bundle


def object_key(object_id: str) -> str:
    """Where an object (bare hex) lies once it is promoted."""
    return f"{OBJECTS}{object_id[:2]}/{object_id[2:]}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored thing. ``version`` names these very bytes; ``modified_at`` is in Unix seconds."""

    key: str
    size_bytes: int
    version: str
    modified_at: float


@dataclass(frozen=True, slots=True)
class UploadSpec:
    """The one upload that a presigned URL stands for. ``sha256`` is bare hex; ``expires_at`` in Unix seconds.

    ``size_bytes``: None for an object whose length was not announced.
    ``put_headers``: the client promises to send the headers it is told, so they may be required of it.
    ``present``: the bytes have arrived already; sending them again is no error and changes nothing.
    """

    upload_id: str
    size_bytes: int | None
    sha256: str
    expires_at: int
    put_headers: bool = False
    present: bool = False


@dataclass(frozen=True, slots=True)
class PutTarget:
    """Where to PUT an upload and the headers that must go with it (none when none were promised)."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


def put_headers(upload: UploadSpec) -> dict[str, str]:
    """The headers that must come with a PUT of ``upload``; none when its client did not promise to send any."""
    if not upload.put_headers:
        return {}
    return {
        "Content-Type": PUT_CONTENT_TYPE,
        "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(upload.sha256)).decode(),
        "If-None-Match": "*",
    }


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
