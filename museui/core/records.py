"""Commit and snapshot records: parsed once, checked against their ids, unknown fields kept.

A record travels in two spellings: bare hex ids (``.muse`` files, the 0.1.x protocol) and ``sha256:`` ids (bundles).
Inside the program ids are bare hex; ``wire_fields`` gives the bundle's spelling.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Integrity, Invalid
from .ids import CommitId, ObjectId, SnapshotId, hash_commit, parse_id, qualified
from .names import check_path, check_tree

MAX_DEPTH = 32
_MAX_KNOWN_IDS = 1 << 18
_MAX_KNOWN_PATH_CHARS = 1 << 24
_PARENT_FIELDS = ("parent_commit_id", "parent2_commit_id")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit whose id has been checked. ``fields`` is the whole record with bare hex ids."""

    id: CommitId
    parents: tuple[CommitId, ...]
    snapshot_id: SnapshotId
    fields: Mapping[str, Any]

    @property
    def message(self) -> str:
        """The commit message."""
        return str(self.fields["message"])

    @property
    def committed_at(self) -> str:
        """The commit time, exactly as the record holds it."""
        return str(self.fields["committed_at"])

    @property
    def author(self) -> str:
        """The author's name, empty when the record has none."""
        return str(self.fields.get("author") or "")

    def wire_fields(self) -> dict[str, Any]:
        """The record with ``sha256:`` ids, in the order its fields came."""
        fields = dict(self.fields)
        fields["commit_id"] = qualified(self.id)
        fields["snapshot_id"] = qualified(self.snapshot_id)
        for name in _PARENT_FIELDS:
            if fields.get(name):
                fields[name] = qualified(fields[name])
        return fields


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot whose id has been checked. ``manifest`` maps path → object id; ``fields`` is all the rest."""

    id: SnapshotId
    manifest: Mapping[str, ObjectId]
    fields: Mapping[str, Any]

    def disk_fields(self) -> dict[str, Any]:
        """The record with bare hex ids, in the order its fields came."""
        return {
            name: self.id if name == "snapshot_id" else dict(self.manifest) if name == "manifest" else value
            for name, value in self.fields.items()
        }

    def wire_fields(self) -> dict[str, Any]:
        """The record with ``sha256:`` ids, in the order its fields came."""
        manifest = {path: "sha256:" + object_id for path, object_id in self.manifest.items()}
        return {
            name: qualified(self.id) if name == "snapshot_id" else manifest if name == "manifest" else value
            for name, value in self.fields.items()
        }


def check_value(value: Any, what: str, max_depth: int = MAX_DEPTH) -> None:
    """Refuse what JSON cannot hold (bytes, keys that are not text, NaN, infinity) and nesting beyond ``max_depth``.

    Iterative, so that no nesting can exhaust the stack.
    """
    level = [value]
    depth = 0
    while level:
        below: list[Any] = []
        for item in level:
            if item is None or isinstance(item, (str, int)):
                continue
            if isinstance(item, float):
                if not math.isfinite(item):
                    raise Invalid(f"{what} holds the number {item}, which JSON cannot hold")
            elif isinstance(item, dict):
                if not all(isinstance(key, str) for key in item):
                    raise Invalid(f"{what} has a key that is not text")
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            else:
                raise Invalid(f"{what} holds a value of type {type(item).__name__}, which JSON cannot hold")
        if below:
            depth += 1
            if depth > max_depth:
                raise Invalid(f"{what} is nested deeper than {max_depth} levels")
        level = below


def _text(fields: Mapping[str, Any], name: str, what: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Invalid(f"{what}: field {name!r} is missing or not text")
    return value


def parse_commit(record: object) -> Commit:
    """The commit in ``record`` (a mapping with either spelling of ids), its id checked against its content.

    Raises :class:`Invalid` for a malformed record, :class:`Integrity` for an id that does not match.
    """
    if not isinstance(record, dict):
        raise Invalid("commit record is not a map")
    commit_id = parse_id(record.get("commit_id"), "commit_id")
    what = f"commit {commit_id[:12]}"
    check_value(record, what)
    fields: dict[str, Any] = dict(record)
    fields["commit_id"] = commit_id
    snapshot_id = fields["snapshot_id"] = parse_id(record.get("snapshot_id"), f"{what}: snapshot_id")
    parents: list[CommitId] = []
    for name in _PARENT_FIELDS:
        value = record.get(name)
        if value is not None and value != "":
            parent = fields[name] = CommitId(parse_id(value, f"{what}: {name}"))
            parents.append(parent)
    message, committed_at = _text(record, "message", what), _text(record, "committed_at", what)
    if "\0" in message or "\0" in committed_at:
        # NUL separates what the id covers: with one inside, two different commits could have one id.
        raise Invalid(f"{what}: message or committed_at holds a NUL", details={"commit_id": commit_id})
    if commit_id in parents:
        raise Invalid(f"{what} is its own parent", details={"commit_id": commit_id})
    try:
        actual = hash_commit(parents, snapshot_id, message, committed_at)
    except UnicodeEncodeError as exc:
        raise Invalid(f"{what}: text is not valid Unicode", details={"commit_id": commit_id}) from exc
    if actual != commit_id:
        raise Integrity(
            f"commit {commit_id} does not match its content (which hashes to {actual[:12]}…)",
            details={"commit_id": commit_id, "rule": "commit_id"},
        )
    return Commit(CommitId(commit_id), tuple(parents), SnapshotId(snapshot_id), fields)


class _ObjectIds(dict[str, ObjectId]):
    """Every spelling of an object id met so far → the bare id; a new one is checked when it is looked up."""

    def __missing__(self, value: str) -> ObjectId:
        object_id = self[value] = ObjectId(parse_id(value, "object id"))
        return object_id


class SnapshotParser:
    """Parses snapshots of one history; what one manifest proved about paths and ids is not proved again for the next.

    Also makes equal object ids of all its snapshots one string, which is what keeps ten thousand manifests small.
    What it remembers is bounded: paths compress a thousand to one, so a small bundle can name many.
    """

    def __init__(self, max_entries: int = 1_000_000) -> None:
        self._max_entries = max_entries
        self._ids = _ObjectIds()
        self._paths: set[str] = set()
        self._path_chars = 0
        self._tree: frozenset[str] = frozenset()
        self._tree_with_folders: frozenset[str] = frozenset()

    def parse(self, record: object) -> Snapshot:
        """The snapshot in ``record``, its paths and its id checked.

        Raises :class:`Invalid` for a malformed record or path, :class:`Integrity` for an id that does not match.
        """
        if not isinstance(record, dict):
            raise Invalid("snapshot record is not a map")
        snapshot_id = parse_id(record.get("snapshot_id"), "snapshot_id")
        what = f"snapshot {snapshot_id[:12]}"
        given = record.get("manifest")
        if not isinstance(given, dict):
            raise Invalid(f"{what}: manifest is missing or not a map")
        if len(given) > self._max_entries:
            raise Invalid(f"{what}: more than {self._max_entries} files")
        manifest = self._parse_manifest(given, what)
        lines = sorted(map("\0".join, manifest.items()))
        actual = hashlib.sha256("\0".join(lines).encode()).hexdigest()
        if actual != snapshot_id:
            raise Integrity(
                f"snapshot {snapshot_id} does not match its manifest (which hashes to {actual[:12]}…)",
                details={"snapshot_id": snapshot_id, "rule": "snapshot_id"},
            )
        fields = {name: None if name == "manifest" else value for name, value in record.items()}
        fields["snapshot_id"] = snapshot_id
        check_value(fields, what)
        if fields.get("directories"):
            self._check_directories(fields["directories"], manifest, what)
        return Snapshot(SnapshotId(snapshot_id), manifest, fields)

    def _parse_manifest(self, given: dict[Any, Any], what: str) -> dict[str, ObjectId]:
        if len(self._ids) > _MAX_KNOWN_IDS:
            self._ids.clear()
        if self._path_chars > _MAX_KNOWN_PATH_CHARS:
            self._paths.clear()
            self._path_chars = 0
        try:
            if not given.keys() <= self._tree:
                for path in given:
                    if path not in self._paths:
                        check_path(path)
                        self._paths.add(path)
                        self._path_chars += len(path)
                check_tree(given)
                self._tree = frozenset(given)
            return dict(zip(given, map(self._ids.__getitem__, given.values()), strict=True))
        except TypeError as exc:
            raise Invalid(f"{what}: manifest maps something that is not text") from exc
        except Invalid as exc:
            raise Invalid(f"{what}: {exc.message}", hint=exc.hint) from exc

    def _check_directories(self, folders: object, manifest: Mapping[str, ObjectId], what: str) -> None:
        if not isinstance(folders, list):
            raise Invalid(f"{what}: directories is not a list")
        try:
            entries = {check_path(folder) + "/" for folder in folders}
            if not (entries <= self._tree_with_folders and manifest.keys() <= self._tree_with_folders):
                entries |= manifest.keys()
                check_tree(entries)
                self._tree_with_folders = frozenset(entries)
        except Invalid as exc:
            raise Invalid(f"{what}: {exc.message}", hint=exc.hint) from exc
