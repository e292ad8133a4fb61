"""A bundle of a hand-made history written by the program, and what reading one gives, as plain maps and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from museui.core.bundle import (
    BranchHeads,
    BundleItem,
    BundleMeta,
    ObjectSource,
    pack_record,
    read_bundle,
    write_bundle,
)
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.records import Commit, Snapshot, SnapshotParser, parse_commit
from tests.helpers.records import History, pack

LIMITS = Limits()


def read(raw: bytes | Iterable[bytes], limits: Limits = LIMITS) -> Iterator[BundleItem]:
    """The items of an uncompressed bundle."""
    return read_bundle([raw] if isinstance(raw, bytes) else raw, limits)


def read_map(bundle: dict[str, Any], limits: Limits = LIMITS) -> list[BundleItem]:
    """The items of a bundle given as a map, objects read and checked by nobody but the reader."""
    return list(read(pack(bundle), limits))


def contents(raw: bytes | Iterable[bytes]) -> dict[str, Any]:
    """An uncompressed bundle as its map, objects as id → content."""
    found: dict[str, Any] = {"commits": [], "snapshots": [], "objects": {}}
    for item in read(raw):
        if isinstance(item, BundleMeta):
            found["meta"] = dict(item.fields)
        elif isinstance(item, BranchHeads):
            found["branch_heads"] = dict(item.heads)
        elif isinstance(item, Commit):
            found["commits"].append(item.wire_fields())
        elif isinstance(item, Snapshot):
            found["snapshots"].append(item.wire_fields())
        else:
            content = b"".join(item.pieces())
            found["objects"]["sha256:" + item.id] = content
            assert item.size_bytes == len(content)
    return found


def write(history: History, **options: Any) -> bytes:
    """The uncompressed bundle that the program writes of ``history``."""
    snapshots = SnapshotParser()
    bare = options.get("bare_ids", False)
    commits = [parse_commit(record) for record in history.commits]
    parsed = [snapshots.parse(record) for record in history.snapshots]
    parts = write_bundle(
        meta={"mode": "full", "base_commits": [], "format": 1},
        branch_heads={"main": commits[-1].id},
        commits=[pack_record(commit.fields if bare else commit.wire_fields()) for commit in commits],
        snapshots=(len(parsed), (pack_record(s.disk_fields() if bare else s.wire_fields()) for s in parsed)),
        objects=lambda: (
            len(history.contents),
            (ObjectSource(ObjectId(name[7:]), len(data), [data]) for name, data in history.contents.items()),
        ),
        **options,
    )
    return b"".join(parts)


def holds_nothing_but(history: History, found: dict[str, Any]) -> bool:
    """Whether all that was read is of ``history``, as far as ids cover it."""

    def covered(records: list[dict[str, Any]], names: list[str]) -> list[list[Any]]:
        return [[record.get(name) for name in names] for record in records]

    commit = ["commit_id", "snapshot_id", "parent_commit_id", "parent2_commit_id", "message", "committed_at"]
    snapshot = ["snapshot_id", "manifest"]
    return (
        all(row in covered(history.commits, commit) for row in covered(found["commits"], commit))
        and all(row in covered(history.snapshots, snapshot) for row in covered(found["snapshots"], snapshot))
        and found["objects"].items() <= history.contents.items()
    )
