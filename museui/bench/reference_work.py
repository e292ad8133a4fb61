"""The reference work: one synthetic history of source code, for measuring.

Commits, objects and bytes as asked, in some 200 files.  About half of the changes rewrite a file, the others edit some
lines of it; a third of the lines are random hex, so the whole compresses about 3 : 1.
"""

from __future__ import annotations

import hashlib
import json
import random
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """How large the history is; ``content_bytes`` is aimed at, not met exactly."""

    commits: int = 1035
    objects: int = 5165
    content_bytes: int = 128_000_000
    files: int = 200
    seed: int = 7


REFERENCE = Size()
SMALL = Size(commits=100, objects=600, content_bytes=2_500_000)


@dataclass
class History:
    """The commits one after the other: each call of :meth:`commits` yields what changed in the next one."""

    size: Size
    tree: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.size.seed)
        stdlib = Path(sysconfig.get_paths()["stdlib"])
        sources = sorted(stdlib.glob("*.py"))[:150]
        self.lines = [line for source in sources for line in source.read_bytes().splitlines(keepends=True)]
        self.paths = [f"src/pkg{n % 17}/mod_{n:04d}.py" for n in range(self.size.files)]

    def _text(self, size_bytes: int) -> list[bytes]:
        text: list[bytes] = []
        while size_bytes > 0:
            line = self.dice.choice(self.lines)
            if self.dice.random() < 0.35:
                line = self.dice.randbytes(len(line) // 2).hex().encode() + b"\n"
            text.append(line)
            size_bytes -= len(line)
        return text

    def _touch(self, path: str) -> None:
        if path in self.tree and self.dice.random() >= 0.45:
            text = self.tree[path]
            for _ in range(self.dice.randint(1, 12)):
                at = self.dice.randrange(len(text))
                text[at : at + self.dice.randint(0, 3)] = self._text(120)
            return
        mean = 0.78 * self.size.content_bytes / self.size.objects
        self.tree[path] = self._text(max(200, int(self.dice.lognormvariate(0, 0.7) * mean)))

    def commits(self) -> Iterator[tuple[int, dict[str, bytes]]]:
        """(number, path → content of what the commit changes)."""
        size = self.size
        first = min(size.files, max(1, size.objects // 4))
        later = max(1, size.commits - 1)
        for number in range(size.commits):
            count = first if number == 0 else (size.objects - first + number - 1) // later
            touched = self.paths[:first] if number == 0 else self.dice.sample(self.paths, min(count, size.files))
            for path in touched:
                self._touch(path)
            yield number, {path: b"".join(self.tree[path]) for path in touched}


class MuseWriter:
    """Writes commits as the 0.1.x client lays them out."""

    def __init__(self, folder: Path) -> None:
        self.muse = folder / ".muse"
        for name in ("commits", "snapshots", "refs/heads", *(f"objects/{n:02x}" for n in range(256))):
            (self.muse / name).mkdir(parents=True, exist_ok=True)
        self.manifest: dict[str, str] = {}
        self.parent: str | None = None
        self.commits = 0
        self.objects = 0
        self.content_bytes = 0

    def commit(self, number: int, changes: dict[str, bytes]) -> None:
        """Write one commit with everything it needs."""
        for path, content in changes.items():
            object_id = hashlib.sha256(content).hexdigest()
            file = self.muse / "objects" / object_id[:2] / object_id[2:]
            if not file.exists():
                file.write_bytes(content)
                self.objects += 1
                self.content_bytes += len(content)
            self.manifest[path] = object_id
        when = (BEGAN + timedelta(minutes=number)).isoformat()
        lines = sorted(f"{path}\0{object_id}" for path, object_id in self.manifest.items())
        snapshot_id = hashlib.sha256("\0".join(lines).encode()).hexdigest()
        message = f"change {number}: {len(changes)} files"
        seed = "\0".join((self.parent or "", snapshot_id, message, when))
        commit_id = hashlib.sha256(seed.encode()).hexdigest()
        self._write("snapshots", snapshot_id, snapshot_id=snapshot_id, manifest=self.manifest, created_at=when)
        self._write(
            "commits",
            commit_id,
            commit_id=commit_id,
            repo_id="00000000-0000-0000-0000-000000000007",
            branch="main",
            snapshot_id=snapshot_id,
            message=message,
            committed_at=when,
            parent_commit_id=self.parent,
            parent2_commit_id=None,
            author="Ada",
            metadata={},
            structured_delta=None,
            sem_ver_bump="none",
            breaking_changes=[],
            agent_id="",
            model_id="",
            toolchain_id="",
            prompt_hash="",
            signature="",
            signer_key_id="",
            format_version=5,
            reviewed_by=[],
            test_runs=0,
        )
        self.parent = commit_id
        self.commits += 1

    def _write(self, kind: str, name: str, **fields: object) -> None:
        (self.muse / kind / f"{name}.json").write_text(json.dumps(fields, indent=2) + "\n")

    def finish(self) -> None:
        """Write what makes it a repository."""
        (self.muse / "refs/heads/main").write_text(str(self.parent))
        (self.muse / "HEAD").write_text("ref: refs/heads/main\n")
        (self.muse / "config.toml").write_text('[user]\nname = "Ada"\n\n[hub]\n\n[remotes]\n\n[domain]\n')
        fields = {
            "repo_id": "00000000-0000-0000-0000-000000000007",
            "schema_version": "0.1.5",
            "created_at": BEGAN.isoformat(),
            "domain": "code",
        }
        (self.muse / "repo.json").write_text(json.dumps(fields, indent=2) + "\n")


def write_muse_work(folder: Path, size: Size) -> MuseWriter:
    """Write the history as a Muse repository in ``folder``."""
    muse = MuseWriter(folder)
    for number, changes in History(size).commits():
        muse.commit(number, changes)
    muse.finish()
    return muse
