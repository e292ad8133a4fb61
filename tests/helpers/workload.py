"""Muse repositories for tests, written straight from `docs/formats.md`: quick, and no code of the program in it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FIXTURE = Path(__file__).parent.parent / "fixtures" / "song-muse-0.1.5.tar.gz"
SONG_HEAD = "1006f0fdae2b39752a2947a0124317ff1cf4a3add3634674ce1c366d62043973"
"""The head of ``main`` in the fixture."""
REPO_ID = "00000000-0000-0000-0000-00000000002a"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def unpack_song(folder: Path) -> Path:
    """The fixture repository, written by the published 0.1.5 client, unpacked below ``folder``."""
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "song"


def sha(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


class RepositoryBuilder:
    """A repository in ``root``; each commit is a minute after the one before. Ids are bare hex."""

    def __init__(self, root: Path, domain: str = "code") -> None:
        self.root = root
        self.muse = root / ".muse"
        self.heads: dict[str, str] = {}
        self._made = 0
        for name in ("commits", "snapshots", "objects", "refs/heads"):
            (self.muse / name).mkdir(parents=True)
        self._write_json(
            "repo.json",
            {"repo_id": REPO_ID, "schema_version": "0.1.5", "created_at": BEGAN.isoformat(), "domain": domain},
        )
        (self.muse / "HEAD").write_text("ref: refs/heads/main\n")
        (self.muse / "config.toml").write_text('[user]\nname = "Ada"\n\n[remotes]\n')

    def commit(
        self,
        files: Mapping[str, bytes],
        message: str = "",
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
        **fields: Any,
    ) -> str:
        """A commit of exactly ``files`` on ``branch``; ``parents`` default to the branch's head. Returns its id.

        ``fields`` are added to the record, or replace what it has.
        """
        self._made += 1
        when = str(fields.pop("committed_at", (BEGAN + timedelta(minutes=self._made)).isoformat()))
        if parents is None:
            parents = [self.heads[branch]] if branch in self.heads else []
        snapshot_id = self.snapshot(files, when)
        message = message or f"change {self._made}"
        text = "\0".join(["\0".join(sorted(parents)), snapshot_id, message, when])
        commit_id = sha(text.encode())
        first, second = (*parents, None, None)[:2]
        record: dict[str, Any] = {
            "commit_id": commit_id,
            "repo_id": REPO_ID,
            "branch": branch,
            "snapshot_id": snapshot_id,
            "message": message,
            "committed_at": when,
            "parent_commit_id": first,
            "parent2_commit_id": second,
            "author": "Ada",
            "metadata": {},
            "structured_delta": None,
            "format_version": 5,
        }
        self._write_json(f"commits/{commit_id}.json", record | fields)
        self.set_branch(branch, commit_id)
        return commit_id

    def merge(self, files: Mapping[str, bytes], other: str, *, branch: str = "main", message: str = "") -> str:
        """A commit on ``branch`` whose second parent is the commit ``other``."""
        return self.commit(files, message or "merge", branch=branch, parents=[self.heads[branch], other])

    def snapshot(self, files: Mapping[str, bytes], when: str = BEGAN.isoformat(), **fields: Any) -> str:
        """A snapshot of ``files`` and its objects. Returns its id."""
        manifest = {path: self.add_object(content) for path, content in files.items()}
        snapshot_id = sha("\0".join(sorted(f"{path}\0{digest}" for path, digest in manifest.items())).encode())
        record = {"snapshot_id": snapshot_id, "manifest": manifest, "created_at": when}
        self._write_json(f"snapshots/{snapshot_id}.json", record | fields)
        return snapshot_id

    def add_object(self, content: bytes) -> str:
        """An object. Returns its id."""
        object_id = sha(content)
        path = self.object_file(object_id)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return object_id

    def set_branch(self, name: str, commit_id: str) -> None:
        """Point a branch at a commit."""
        path = self.muse / "refs/heads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(commit_id)
        self.heads[name] = commit_id

    def object_file(self, object_id: str) -> Path:
        """Where an object lies."""
        return self.muse / "objects" / object_id[:2] / object_id[2:]

    def commit_file(self, commit_id: str) -> Path:
        """Where a commit lies."""
        return self.muse / "commits" / f"{commit_id}.json"

    def snapshot_file(self, snapshot_id: str) -> Path:
        """Where a snapshot lies."""
        return self.muse / "snapshots" / f"{snapshot_id}.json"

    def snapshot_of(self, commit_id: str) -> str:
        """The snapshot of a commit."""
        return str(json.loads(self.commit_file(commit_id).read_text())["snapshot_id"])

    def _write_json(self, name: str, record: Mapping[str, Any]) -> None:
        (self.muse / name).write_text(json.dumps(record, indent=2) + "\n")
