"""How much a reader of foreign bytes accepts before it refuses."""

from __future__ import annotations

from dataclasses import dataclass

MiB = 1 << 20
GiB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one hub (``GET refs`` shows them) and of a client that reads a hub's answer. Sizes in bytes."""

    max_bundle_bytes: int = 4 * GiB
    """The bundle as it is uploaded."""
    max_raw_bytes: int = 16 * GiB
    """The bundle after decompression."""
    max_object_bytes: int = 2 * GiB
    max_record_bytes: int = 32 * MiB
    """One commit or snapshot record as msgpack."""
    max_commits: int = 1_000_000
    max_objects: int = 5_000_000
    max_manifest_entries: int = 250_000
    stream_max_objects: int = 500
    stream_max_bytes: int = 32 * MiB
    """The largest body of ``push/stream``, compressed or not."""
    negotiate_max_have: int = 256
    presign_max_objects: int = 10_000
    """How many objects one ``push/presign`` or ``presign`` may be about."""
    max_branches: int = 10_000
    """Maximum number of branches of a repository."""
