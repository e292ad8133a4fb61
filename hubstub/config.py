"""What one hub is told at its start: where its data lies, what it accepts, how long it waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from museui.core.limits import Limits

from .networks import Network
from .store.s3_settings import S3Settings
from .tls import TlsSettings

DATABASE_NAME = "hub.sqlite3"
STORE_NAME = "store"
SPOOL_NAME = "spool"
LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True)
class Quotas:
    """Bytes of objects that one repository, and all of one user's, may hold where nothing else is set; None: no end."""

    repository_bytes: int | None = None
    user_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Settings of a running hub."""

    data_dir: Path
    limits: Limits = field(default_factory=Limits)
    store: S3Settings | None = None
    """Where the objects are; None: in the embedded store."""
    quotas: Quotas = field(default_factory=Quotas)
    database: str | None = field(default=None, repr=False)
    """Where the index is, ``postgresql://…``, maybe with a password; None: in the folder, on SQLite."""
    gc_every_s: float = 24 * 3600.0
    """How often garbage is collected; 0: never by itself."""
    gc_grace_s: float = 14 * 24 * 3600.0
    """How long a thing must have been garbage before it goes."""
    scrub_every_s: float = 28 * 24 * 3600.0
    """How often everything that is stored is read and checked; 0: never by itself."""
    look_every_s: float = 30.0
    """How often to look for work that is due, and for what another hub may have left."""
    auto_create: bool = True
    """Whether a repository comes into being on its owner's first push."""
    public_url: str | None = None
    """What people and presigned URLs call the hub, without a trailing slash; None: whatever a request calls it."""
    upload_ttl_s: int = 900
    """How long a presigned URL lives."""
    message_max_bytes: int = 1 << 20
    """The largest body of an endpoint that does not carry objects or records."""
    header_timeout_s: float = 15.0
    """How long the head of a request may take, and how long a connection may be idle before one."""
    body_idle_s: float = 30.0
    """How long a body may stand still."""
    body_grace_s: float = 15.0
    """How long a body may be under the minimum rate."""
    body_min_rate_bytes_s: int = 1024
    requests_per_minute: int = 6000
    """What a token, or an address without one, may ask for in the long run; 0: any number."""
    request_burst: int = 20_000
    """How many of them at once."""
    max_open_uploads: int = 1000
    """How many uploads of one user may wait for their confirm."""
    trusted_proxies: tuple[Network, ...] = ()
    """Whose ``X-Forwarded-`` headers are believed."""
    tls: TlsSettings | None = None
    """With what the hub speaks TLS; None: not at all."""
    metrics: bool = True
    """Whether ``/metrics`` answers."""
    metrics_token: str | None = field(default=None, repr=False)
    """Token that a request for ``/metrics`` must have; None: only requests from this machine are answered."""
    send_idle_s: float = 60.0
    """How long a client may leave a piece of an answer unread."""
    stop_s: float = 30.0
    """How long a stop waits for the requests that run."""

    @property
    def database_url(self) -> str:
        """The URL of the index."""
        return self.database or f"sqlite+aiosqlite:///{self.data_dir / DATABASE_NAME}"

    @property
    def store_dir(self) -> Path:
        """The folder of the embedded object store."""
        return self.data_dir / STORE_NAME

    @property
    def spool_dir(self) -> Path:
        """The folder of bodies that are arriving; empty when nothing arrives."""
        return self.data_dir / SPOOL_NAME
