"""The keys of an object store, and what is said of one upload and of one stored thing.

Keys: ``staging/<upload>`` (what clients PUT, never served; single objects as ``staging/o-<whose>-<object>``),
``bundles/<id>`` (pushed bundles that wait for their promotion), ``objects/<2 hex>/<62 hex>`` (one object each).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

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
