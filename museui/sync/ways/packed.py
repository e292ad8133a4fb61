"""The interface between a push and its way: what every way is given to pack, and what it returns to be sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from museui.core.ids import BundleId
from museui.core.wire import PushAnswer, PushTarget

from ..content import Content, Progress
from ..kept_bundles import KeptBundles
from .sender import Sender


@dataclass(frozen=True, slots=True)
class PackJob:
    """The content to pack and how. ``level`` is zstd's; ``tool`` names the packer; ``in_flight`` is for objects."""

    content: Content
    target: PushTarget
    kept_bundles: KeptBundles
    level: int
    tool: str
    max_bundle_bytes: int
    in_flight: int
    on_progress: Progress


@dataclass(frozen=True, slots=True)
class Counts:
    """Number of commits, snapshots and objects of a packed push, and its size in bytes."""

    commits: int
    snapshots: int
    objects: int
    raw_bytes: int
    wire_bytes: int
    bundle_id: BundleId | None = None

    @classmethod
    def of(cls, content: Content, wire_bytes: int = 0) -> Counts:
        """Return the counts of ``content`` as far as it has been read."""
        return cls(
            len(content.walk.commits), content.snapshot_count, content.object_count, content.raw_bytes, wire_bytes
        )


class PackedPush(Protocol):
    """A packed push. ``measures_line``: its transfer is one upload whose speed is worth remembering."""

    measures_line: ClassVar[bool]

    @property
    def counts(self) -> Counts:
        """Return its counts and sizes."""

    async def send(self, sender: Sender) -> tuple[PushAnswer, int]:
        """Send it; return the hub's answer and the bytes that were sent. Retries what is worth it."""


Pack = Callable[[PackJob], PackedPush]
"""Packs in a thread. Raises :class:`~museui.core.errors.Integrity` for what is damaged or missing."""
