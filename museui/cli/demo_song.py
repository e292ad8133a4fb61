"""The demo's repository: a song written over some weeks, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from museui.core.ids import CommitId, hash_commit, hash_object, hash_snapshot
from museui.core.records import Commit, Snapshot
from museui.repo.repository import Repository

_BEGAN = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
_COMMITS = 180
_PARTS = ("verse", "chorus", "bridge", "intro", "outro", "solo", "break", "coda")
_TRACKS = ("drums", "bass", "piano", "guitar", "strings", "choir", "brass", "synth")
_WORDS = ("river", "stone", "morning", "train", "silver", "paper", "winter", "engine", "garden", "signal", "harbour")


class Song:
    """A history that grows; the same calls give the same bytes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._dice = random.Random(2026)
        self._files: dict[str, bytes] = {}
        self._head: CommitId | None = None
        self._number = 0

    def _notes(self, track: str, part: str) -> bytes:
        events = self._dice.randbytes(self._dice.randint(200, 4000))
        return b"MThd\0\0\0\6\0\1" + f"{track}:{part}:".encode() + events.hex().encode()

    def _lyrics(self, part: str) -> bytes:
        lines = [" ".join(self._dice.choices(_WORDS, k=6)) for _ in range(self._dice.randint(4, 16))]
        return "\n".join([part.title(), *lines, ""]).encode()

    def _change(self) -> Iterator[str]:
        part = self._dice.choice(_PARTS)
        for track in self._dice.sample(_TRACKS, self._dice.randint(2, 4)):
            path = f"tracks/{part}/{track}.mid"
            self._files[path] = self._notes(track, part)
            yield path
        path = f"lyrics/{part}.txt"
        self._files[path] = self._lyrics(part)
        yield path

    def commit(self, group: Any) -> None:
        """Change some files and commit them."""
        self._number += 1
        changed = list(self._change())
        for path in changed:
            self._repository.write_object(hash_object(self._files[path]), (self._files[path],), group)
        manifest = {path: hash_object(content) for path, content in sorted(self._files.items())}
        when = (_BEGAN + timedelta(hours=3 * self._number)).isoformat()
        snapshot_id = hash_snapshot(manifest)
        fields = {"snapshot_id": snapshot_id, "manifest": None, "created_at": when}
        self._repository.write_snapshot(Snapshot(snapshot_id, manifest, fields), group)
        parents = (self._head,) if self._head else ()
        message = f"Take {self._number}: {', '.join(changed)}"
        commit_id = hash_commit(parents, snapshot_id, message, when)
        record: dict[str, Any] = {
            "commit_id": commit_id,
            "repo_id": self._repository.repo_id,
            "branch": "main",
            "snapshot_id": snapshot_id,
            "message": message,
            "committed_at": when,
            "parent_commit_id": self._head,
            "parent2_commit_id": None,
            "author": "Ada",
            "metadata": {},
            "format_version": 5,
        }
        self._repository.write_commit(Commit(commit_id, parents, snapshot_id, record), group)
        self._head = commit_id

    def write(self, commits: int = _COMMITS) -> None:
        """Write ``commits`` commits and move the branch to the last."""
        with self._repository.group() as group:
            for _ in range(commits):
                self.commit(group)
        assert self._head
        self._repository.write_branch("main", self._head)
