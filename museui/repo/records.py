"""Records as files: JSON as the 0.1.x client spells it, byte for byte, and back.

Commits go through the standard ``json``, which keeps large whole numbers and every float it wrote itself;
snapshots, most of the bytes and all text, go through orjson unless they hold something only ``json`` keeps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import Integrity, Invalid, MuseError
from ..core.ids import CommitId, SnapshotId, parse_id
from ..core.names import check_name
from ..core.records import Commit, Snapshot, SnapshotParser, parse_commit

MAX_RECORD_BYTES = 256 << 20
"""The largest record file that is read: a manifest of a million long paths fits."""

PLAIN_SNAPSHOT = frozenset(("snapshot_id", "manifest", "created_at"))
"""The fields of a snapshot that both JSON decoders read alike."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag. ``fields`` is the whole record."""

    id: str
    repo_id: str
    commit_id: CommitId
    name: str
    fields: Mapping[str, Any]


def encode_record(fields: Mapping[str, Any]) -> bytes:
    """A record as the 0.1.x client writes it: two spaces, ASCII, a newline at the end."""
    try:
        return json.dumps(fields, indent=2).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as exc:
        raise Invalid(f"record cannot be written as JSON: {exc}"[:200]) from exc


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """As :func:`encode_record`, faster: the fast encoder is used where both write the same bytes."""
    import orjson

    fields = snapshot.disk_fields()
    if fields.keys() <= PLAIN_SNAPSHOT and isinstance(fields.get("created_at", ""), str):
        try:
            text = orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        except TypeError:
            return encode_record(fields)
        if text.isascii() and b"\x7f" not in text:
            return text
    return encode_record(fields)


def decode_record(content: bytes, path: str) -> dict[str, Any]:
    """The JSON object in ``content``. Raises :class:`Integrity` naming ``path``."""
    try:
        record = json.loads(content.decode())
    except (ValueError, RecursionError) as exc:
        raise Integrity(f"{path} is not valid JSON: {exc}"[:400], details={"path": path}) from exc
    if not isinstance(record, dict):
        raise Integrity(f"{path} does not hold a JSON object", details={"path": path})
    return record


def decode_commit(content: bytes, expected: CommitId, path: str) -> Commit:
    """The commit in ``content``, which must be ``expected``. Raises :class:`Integrity` naming ``path``."""
    record = decode_record(content, path)
    try:
        commit = parse_commit(record)
    except MuseError as exc:
        raise _damaged(exc, path) from exc
    if commit.id != expected:
        raise Integrity(f"{path} holds commit {commit.id}", details={"path": path, "rule": "commit_id"})
    return commit


def decode_snapshot(content: bytes, expected: SnapshotId, path: str, parser: SnapshotParser) -> Snapshot:
    """The snapshot in ``content``, which must be ``expected``. Raises :class:`Integrity` naming ``path``."""
    try:
        snapshot = parser.parse(decode_snapshot_record(content, path))
    except MuseError as exc:
        raise _damaged(exc, path) from exc
    if snapshot.id != expected:
        raise Integrity(f"{path} holds snapshot {snapshot.id}", details={"path": path, "rule": "snapshot_id"})
    return snapshot


def decode_snapshot_record(content: bytes, path: str) -> dict[str, Any]:
    """The record in ``content``, of which nothing is checked but that it is one. Raises :class:`Integrity`."""
    import orjson

    try:
        record = orjson.loads(content)
        if isinstance(record, dict) and not record.keys() - PLAIN_SNAPSHOT:
            return record
    except ValueError:
        pass
    return decode_record(content, path)


def parse_tag(record: Mapping[str, Any]) -> Tag:
    """The tag in ``record``. Raises :class:`Invalid` naming what is wrong."""
    tag_id, repo_id = (check_name(record.get(name), name) for name in ("tag_id", "repo_id"))
    commit_id = CommitId(parse_id(record.get("commit_id"), f"tag {tag_id}: commit_id"))
    name = record.get("tag")
    if not isinstance(name, str) or not name:
        raise Invalid(f"tag {tag_id}: field 'tag' is missing or not text")
    return Tag(tag_id, repo_id, commit_id, name, {**record, "commit_id": commit_id})


def _damaged(exc: MuseError, path: str) -> Integrity:
    return Integrity(f"{path} is damaged: {exc.message}", hint=exc.hint, details={**exc.details, "path": path})
