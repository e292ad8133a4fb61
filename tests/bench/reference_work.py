"""The reference work: one synthetic history of source code, written as a Muse repository and as a Git repository.

By default 1,035 commits, 5,165 objects and about 127 MB of content in 200 files.  About half of the changes rewrite a
file, the others edit some lines of it; a third of the lines are random hex, so the whole compresses about 3 : 1.

    python tests/bench/reference_work.py DIR [--commits N] [--objects N] [--bytes N] [--no-git]

DIR/muse gets the Muse repository, DIR/git the same commits, every object loose.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """How large the history is; ``content_bytes`` is aimed at, not met exactly."""

    commits: int = 1035
    objects: int = 5165
    content_bytes: int = 128_000_000
    files: int = 200
    seed: int = 7


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


class GitWriter:
    """Writes the same commits with ``git fast-import`` and then makes every object loose."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
        self.importer = subprocess.Popen(["git", "-C", str(folder), "fast-import", "--quiet"], stdin=subprocess.PIPE)
        assert self.importer.stdin
        self.stdin: IO[bytes] = self.importer.stdin

    def commit(self, number: int, changes: dict[str, bytes]) -> None:
        """Write one commit."""
        message = f"change {number}: {len(changes)} files".encode()
        when = int(BEGAN.timestamp()) + 60 * number
        self.stdin.write(b"commit refs/heads/main\nmark :%d\n" % (number + 1))
        self.stdin.write(b"committer Ada <ada@example.org> %d +0000\ndata %d\n%s\n" % (when, len(message), message))
        if number:
            self.stdin.write(b"from :%d\n" % number)
        for path, content in changes.items():
            self.stdin.write(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content))

    def finish(self) -> None:
        """End the import and unpack what it packed."""
        self.stdin.close()
        if self.importer.wait():
            raise SystemExit("git fast-import failed")
        pack_folder = self.folder / ".git/objects/pack"
        packs = list(pack_folder.glob("*.pack"))
        for pack in packs:
            aside = self.folder / pack.name
            pack.rename(aside)
            for other in pack_folder.glob(f"{pack.stem}.*"):
                other.unlink()
            with aside.open("rb") as file:
                subprocess.run(["git", "-C", str(self.folder), "unpack-objects", "-q"], stdin=file, check=True)
            aside.unlink()


def write_reference_work(folder: Path, size: Size, with_git: bool) -> dict[str, int | str | None]:
    """Write both repositories below ``folder`` and say how large they became."""
    muse = MuseWriter(folder / "muse")
    git = GitWriter(folder / "git") if with_git else None
    for number, changes in History(size).commits():
        muse.commit(number, changes)
        if git:
            git.commit(number, changes)
    muse.finish()
    if git:
        git.finish()
    return {"commits": size.commits, "objects": muse.objects, "bytes": muse.content_bytes, "head": muse.parent}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commits", type=int, default=Size.commits)
    parser.add_argument("--objects", type=int, default=Size.objects)
    parser.add_argument("--bytes", type=int, default=Size.content_bytes)
    parser.add_argument("--no-git", action="store_true")
    arguments = parser.parse_args()
    size = Size(arguments.commits, arguments.objects, arguments.bytes)
    print(json.dumps(write_reference_work(arguments.folder, size, not arguments.no_git)))


if __name__ == "__main__":
    main()
