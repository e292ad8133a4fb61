"""The demo's repositories: music written over some weeks, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from museui.core.ids import CommitId, ObjectId, hash_commit, hash_object, hash_snapshot
from museui.core.records import Commit, Snapshot
from museui.repo.group import FileGroup
from museui.repo.repository import Repository

_BEGAN = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
_COMMITS = 180
_PARTS = ("verse", "chorus", "bridge", "intro", "outro", "solo", "break", "coda")
_TRACKS = ("drums", "bass", "piano", "guitar", "strings", "choir", "brass", "synth")
_WORDS = ("river", "stone", "morning", "train", "silver", "paper", "winter", "engine", "garden", "signal", "harbour")


class Song:
    """A history that grows; the same calls give the same bytes."""

    def __init__(self, repository: Repository, seed: int = 2026) -> None:
        self.repository = repository
        self._dice = random.Random(seed)
        self._files: dict[str, ObjectId] = {}
        self._head: CommitId | None = None
        self._number = 0

    @property
    def head(self) -> CommitId:
        """The newest commit. There must be one."""
        assert self._head
        return self._head

    def _notes(self, track: str, part: str) -> bytes:
        events = self._dice.randbytes(self._dice.randint(200, 4000))
        return b"MThd\0\0\0\6\0\1" + f"{track}:{part}:".encode() + events.hex().encode()

    def _lyrics(self, part: str) -> bytes:
        lines = [" ".join(self._dice.choices(_WORDS, k=6)) for _ in range(self._dice.randint(4, 16))]
        return "\n".join([part.title(), *lines, ""]).encode()

    def _change(self) -> Iterator[tuple[str, bytes]]:
        part = self._dice.choice(_PARTS)
        for track in self._dice.sample(_TRACKS, self._dice.randint(2, 4)):
            yield f"tracks/{part}/{track}.mid", self._notes(track, part)
        yield f"lyrics/{part}.txt", self._lyrics(part)

    def _commit(self, changes: Iterable[tuple[str, bytes]], group: FileGroup, other: CommitId | None = None) -> None:
        self._number += 1
        changed = []
        for path, content in changes:
            self._files[path] = hash_object(content)
            self.repository.write_object(self._files[path], (content,), group)
            changed.append(path)
        manifest = dict(sorted(self._files.items()))
        when = (_BEGAN + timedelta(hours=3 * self._number)).isoformat()
        snapshot_id = hash_snapshot(manifest)
        fields = {"snapshot_id": snapshot_id, "manifest": None, "created_at": when}
        self.repository.write_snapshot(Snapshot(snapshot_id, manifest, fields), group)
        parents = tuple(parent for parent in (self._head, other) if parent)
        message = f"Take {self._number}: {', '.join(changed)}"
        commit_id = hash_commit(parents, snapshot_id, message, when)
        record: dict[str, Any] = {
            "commit_id": commit_id,
            "repo_id": self.repository.repo_id,
            "branch": "main",
            "snapshot_id": snapshot_id,
            "message": message,
            "committed_at": when,
            "parent_commit_id": self._head,
            "parent2_commit_id": other,
            "author": "Ada",
            "metadata": {},
            "format_version": 5,
        }
        self.repository.write_commit(Commit(commit_id, parents, snapshot_id, record), group)
        self._head = commit_id

    def write(self, commits: int = _COMMITS) -> None:
        """Write ``commits`` commits and move the branch to the last."""
        with self.repository.group() as group:
            for _ in range(commits):
                self._commit(self._change(), group)
        self.repository.write_branch("main", self.head)

    def record(self, size_bytes: int) -> None:
        """Commit a recording of that size, in place of the one before."""
        with self.repository.group() as group:
            self._commit([("audio/rehearsal.wav", self._dice.randbytes(size_bytes))], group)
        self.repository.write_branch("main", self.head)

    def copy(self, repository: Repository) -> Song:
        """The same, to be gone on with in another repository that has all of it, by other dice."""
        other = Song(repository, self._dice.randrange(1 << 32))
        other._files, other._head, other._number = dict(self._files), self._head, self._number
        return other

    def merge(self, other: Song) -> None:
        """Commit what this and the other have become, and move the branch there; what the other has must be here."""
        self._files |= other._files
        with self.repository.group() as group:
            self._commit(self._change(), group, other.head)
        self.repository.write_branch("main", self.head)
