"""Packed bundles that are kept until the hub has confirmed them, so that an interrupted push goes on.

One *target* (repository, remote, branch) has at most one packed bundle and one pusher at a time (a lock).  Nothing is
left of a target without a bundle.  A bundle is
found again by what it is made from: head, base and format.  Its ``.json`` is written last: a bundle without one was
never finished and is litter.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from museui.core.errors import Busy
from museui.core.ids import BundleId, CommitId

_KEEP_S = 30 * 86400
_SURE_S = 86400


@dataclass(frozen=True, slots=True)
class PackedBundle:
    """A packed bundle on disk. ``path`` holds ``wire_bytes`` bytes whose SHA-256 is ``bundle_id``."""

    path: Path
    bundle_id: BundleId
    wire_bytes: int
    raw_bytes: int
    commits: int
    snapshots: int
    objects: int
    level: int


class KeptBundles:
    """The packed bundle of one target, under its lock."""

    def __init__(self, folder: Path, target: str) -> None:
        self._folder = folder
        self._target = target

    def _stem(self, head: CommitId, base: list[CommitId], tool: str) -> str:
        made_from = json.dumps([head, sorted(base), tool])
        return f"{self._target}-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"

    def part_path(self, head: CommitId, base: list[CommitId], tool: str) -> Path:
        """Where to write the bundle while it is being packed. What other heads of this target left is removed."""
        stem = self._stem(head, base, tool)
        self.clear(keep=stem)
        return self._folder / f"{stem}.part"

    def keep(self, part: Path, packed: PackedBundle) -> PackedBundle:
        """Make a finished ``part`` the bundle to be found again; the result has its final path."""
        path = part.with_suffix(".bundle")
        part.replace(path)
        facts = {name: value for name, value in asdict(packed).items() if name != "path"}
        partial = part.with_suffix(".json.part")
        partial.write_text(json.dumps(facts))
        partial.replace(part.with_suffix(".json"))
        return PackedBundle(path=path, **facts)

    def find(self, head: CommitId, base: list[CommitId], tool: str) -> PackedBundle | None:
        """The bundle kept for exactly this work, its bytes hashed again; ``None`` when there is none (any more)."""
        path = self._folder / f"{self._stem(head, base, tool)}.bundle"
        try:
            packed = PackedBundle(path=path, **json.loads(path.with_suffix(".json").read_text()))
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError, TypeError):
            return None
        return packed if digest == packed.bundle_id else None

    def clear(self, keep: str = "") -> None:
        """Remove what is kept for this target, but for files whose name begins with ``keep``."""
        for path in self._folder.glob(f"{self._target}-*"):
            if not keep or not path.name.startswith(keep):
                path.unlink(missing_ok=True)


def kept_bundles_folder() -> Path:
    """Where packed bundles wait: in the user's cache folder."""
    import platformdirs

    return platformdirs.user_cache_path("museui") / "spool"


@contextmanager
def open_kept_bundles(folder: Path, repository: Path, url: str, branch: str) -> Iterator[KeptBundles]:
    """The spool of one target, locked. Raises :class:`Busy` when another process pushes the same target."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = hashlib.sha256("\0".join((str(repository), url, branch)).encode(errors="surrogateescape")).hexdigest()[:16]
    lock = folder / f"{target}.lock"
    descriptor = _lock(lock, branch)
    try:
        _forget_old(folder)
        yield KeptBundles(folder, target)
    finally:
        for part in folder.glob(f"{target}-*.part"):
            part.unlink(missing_ok=True)
        if not any(folder.glob(f"{target}-*")):
            lock.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path, branch: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(descriptor)
            raise Busy(
                f"another process is pushing {branch!r} of this repository right now",
                hint="Wait for it to end; then push again if something is left to push.",
            ) from exc
        # The file may have been removed by the process that held the lock before: then this lock guards nothing.
        with suppress(OSError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        os.close(descriptor)


def _forget_old(folder: Path) -> None:
    """Remove what repositories that are gone have left: what was found to be old a day ago, and still is.

    A clock that was put forward by mistake makes everything old, but hardly for a day.
    """
    now = time.time()
    for path in folder.iterdir():
        if path.suffix in (".lock", ".old"):
            continue
        with suppress(OSError):
            found = path.with_name(f"{path.name}.old")
            if path.stat().st_mtime >= now - _KEEP_S:
                found.unlink(missing_ok=True)
            elif not found.exists():
                found.touch()
            elif found.stat().st_mtime < now - _SURE_S:
                path.unlink()
                found.unlink()


def write_all(file: FileIO, content: bytes) -> None:
    """Write all of ``content``: a disk without room takes a part of it at first, and says so at the next write."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
