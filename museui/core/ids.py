"""Identifiers: every id is a SHA-256, inside the program always 64 lowercase hex digits.

The bundle protocol writes ``sha256:`` before the digits, files and the 0.1.x protocol do not.  Both are
accepted wherever an id comes in (:func:`parse_id`); what goes out is chosen at the edge (:func:`qualified`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import NewType

from .errors import Invalid, shown

CommitId = NewType("CommitId", str)
SnapshotId = NewType("SnapshotId", str)
ObjectId = NewType("ObjectId", str)
BundleId = NewType("BundleId", str)

PREFIX = "sha256:"
_HEX64 = re.compile(r"[0-9a-f]{64}").fullmatch


def is_hex_id(text: str) -> bool:
    """Whether ``text`` is exactly 64 lowercase hex digits."""
    return _HEX64(text) is not None


def parse_id(value: object, what: str = "id") -> str:
    """The 64 hex digits of an id given with or without its ``sha256:`` prefix.

    Raises :class:`Invalid`, naming ``what``, when it is neither.
    """
    if isinstance(value, str):
        digits = value[7:] if value.startswith(PREFIX) else value
        if _HEX64(digits):
            return digits
    raise Invalid(
        f"{what} is not an id: {shown(value)}", hint="An id is 64 lowercase hex digits, with or without 'sha256:'."
    )


def qualified(digits: str) -> str:
    """The id as the bundle protocol writes it."""
    return PREFIX + digits


def hash_object(content: bytes) -> ObjectId:
    """``sha256(content)``: the id of a file's bytes."""
    return ObjectId(hashlib.sha256(content).hexdigest())


EMPTY_OBJECT = hash_object(b"")
"""The empty file. Everybody has it: the 0.1.x client drops it from what it fetches."""


def hash_snapshot(manifest: Mapping[str, str]) -> SnapshotId:
    """The id of a manifest of path → object hex: SHA-256 over the NUL-joined, sorted ``path NUL hex`` strings.

    Sorting is by code point of the joined string, which is not always the order of the paths alone.
    """
    joined = "\0".join(sorted([f"{path}\0{object_id}" for path, object_id in manifest.items()]))
    return SnapshotId(hashlib.sha256(joined.encode()).hexdigest())


def hash_commit(parents: Iterable[str], snapshot_id: str, message: str, committed_at: str) -> CommitId:
    """The id of a commit: SHA-256 over NUL-joined (NUL-joined sorted parents, snapshot, message, time).

    ``committed_at`` is hashed as the record holds it, never re-formatted.
    """
    joined = "\0".join(("\0".join(sorted(parents)), snapshot_id, message, committed_at))
    return CommitId(hashlib.sha256(joined.encode()).hexdigest())
