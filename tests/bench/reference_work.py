"""The reference work: one synthetic history of source code, written as a Muse repository and as a Git repository.

By default 1,035 commits, 5,165 objects and about 127 MB of content in 200 files.  About half of the changes rewrite a
file, the others edit some lines of it; a third of the lines are random hex, so the whole compresses about 3 : 1.

    python tests/bench/reference_work.py DIR [--commits N] [--objects N] [--bytes N] [--no-git]

DIR/muse gets the Muse repository, DIR/git the same commits, every object loose.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import IO

from museui.bench.reference_work import BEGAN, History, MuseWriter, Size


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
