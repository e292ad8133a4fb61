"""Commits as the pages show them: a few fields of each record, and whose signature it has.

Records are foreign and may be large, so one that is over 1 MiB is named but not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgpack

from museui.core.errors import BadSignature, Invalid
from museui.core.ids import CommitId, SnapshotId
from museui.core.signatures import decode_key, key_id, verify_commit

from ..fetch.lookup import Lookup
from ..fetch.places import RecordPlace
from ..index.history import CommitRow
from ..people.keys import find_key_owners
from ..state import HubState

RECORD_MAX_BYTES = 1 << 20
SUBJECT_CHARS = 300
"""Of a first line more is not shown; one character more is kept, so that it can be seen that there was."""
_AUTHOR_CHARS = 120


@dataclass(frozen=True, slots=True)
class SignatureView:
    """A commit's signature: its state, the key it names, and the user who has enrolled that key."""

    state: Literal["signed", "unverifiable", "unsigned", "broken", "unread"]
    key_id: str = ""
    public_key: bytes = b""
    user: str | None = None


@dataclass(frozen=True, slots=True)
class CommitView:
    """One commit. ``fields`` is the whole record when it was asked for, and small enough."""

    id: CommitId
    parents: Sequence[CommitId]
    snapshot_id: SnapshotId
    size_bytes: int
    signature: SignatureView
    subject: str = ""
    author: str = ""
    committed_at: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def read(self) -> bool:
        """Whether the record was small enough to be read."""
        return self.signature.state != "unread"


async def view_commits(hub: HubState, rows: Sequence[CommitRow], *, whole: bool = False) -> list[CommitView]:
    """The commits of ``rows``, in their order; ``whole``: with their records."""
    views = await asyncio.to_thread(_read_views, Lookup(hub.database), rows, whole)
    keys = {view.signature.public_key for view in views} - {b""}
    async with hub.database.read() as connection:
        owners = await find_key_owners(connection, keys)
    return [
        replace(view, signature=replace(view.signature, user=owners.get(view.signature.public_key))) for view in views
    ]


def _read_views(lookup: Lookup, rows: Sequence[CommitRow], whole: bool) -> list[CommitView]:
    return [_read_view(lookup, row, whole) for row in rows]


def _read_view(lookup: Lookup, row: CommitRow, whole: bool) -> CommitView:
    if row.chunk_size > RECORD_MAX_BYTES:
        return CommitView(row.id, row.parents, row.snapshot_id, row.chunk_size, SignatureView("unread"))
    record = lookup.record(RecordPlace(row.chunk_id, row.chunk_offset, row.chunk_size))
    fields: dict[str, Any] = msgpack.unpackb(record)
    message = str(fields.get("message") or "").lstrip()
    return CommitView(
        row.id,
        row.parents,
        row.snapshot_id,
        row.chunk_size,
        _signature(fields),
        subject=message.partition("\n")[0][: SUBJECT_CHARS + 1],
        author=str(fields.get("author") or "")[:_AUTHOR_CHARS],
        committed_at=str(fields.get("committed_at") or "")[:_AUTHOR_CHARS],
        fields=fields if whole else {},
    )


def _signature(fields: Mapping[str, Any]) -> SignatureView:
    try:
        state = verify_commit(fields)
    except (BadSignature, Invalid):
        return SignatureView("broken")
    if state != "valid":
        return SignatureView(state, key_id=str(fields.get("signer_key_id") or "")[:16])
    public_key = decode_key(fields["signer_public_key"], 32, "public key")
    return SignatureView("signed", key_id(public_key), public_key)
