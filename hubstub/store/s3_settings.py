"""What the hub is told about an S3-compatible store: where it is, what clients call it, which keys it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from museui.core.addresses import is_this_machine
from museui.core.errors import Usage

DEFAULT_REGION = "us-east-1"
MINIO_KEYS_NAME = "minio-keys.json"
"""Name of the file in a hub's folder with the keys of the MinIO that ``serve --minio`` runs."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]").fullmatch
_PREFIX = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*").fullmatch


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key with its secret, which is never shown."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class S3Settings:
    """One bucket of one store. ``prefix`` is empty or ends with a slash.

    ``credential`` does the hub's own work and never leaves it; ``staging`` can do nothing but put below ``staging/``,
    since every presigned URL names its access key; ``reading``, when there is one, nothing but read ``objects/``.
    """

    bucket: str
    prefix: str
    endpoint: str
    credential: Credential
    staging: Credential
    reading: Credential | None = None
    public_endpoint: str | None = None
    """What clients call the store, when that is not ``endpoint``."""
    region: str = DEFAULT_REGION
    ca_file: Path | None = None
    virtual_host: bool = False
    """Whether the bucket is part of the host's name instead of the path."""

    @property
    def goes_direct(self) -> bool:
        """Whether no proxy is used: for this machine none is, and over plain HTTP none may read along."""
        parts = urlsplit(self.endpoint)
        return parts.scheme == "http" or is_this_machine(parts.hostname or "")

    def bucket_url(self, endpoint: str) -> str:
        """The address of the bucket at ``endpoint``, without a trailing slash."""
        if not self.virtual_host:
            return f"{endpoint}/{self.bucket}"
        scheme, _, host = endpoint.partition("://")
        return f"{scheme}://{self.bucket}.{host}"


def parse_store(text: str) -> tuple[str, str]:
    """Bucket and prefix in ``s3://bucket[/prefix]``. Raises :class:`Usage`."""
    scheme, _, rest = text.partition("://")
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    parts = prefix.split("/")
    if scheme != "s3" or not _BUCKET(bucket) or (prefix and not _PREFIX(prefix)) or not {".", ".."}.isdisjoint(parts):
        raise Usage(f"not a store: {text!r:.200}", hint="Write --store s3://bucket or s3://bucket/prefix.")
    return bucket, prefix + "/" if prefix else ""


def parse_endpoint(text: str, option: str) -> str:
    """An address of a store without a trailing slash. Raises :class:`Usage`."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise Usage(f"not the address of a store: {text!r:.200}", hint=f"Write {option} https://minio.example.org:9000")
    return f"{parts.scheme}://{parts.netloc}"
