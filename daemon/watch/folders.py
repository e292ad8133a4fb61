"""Which folders of a repository are watched: few, and those alone in which something moves when a branch does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_MAX_FOLDERS = 64
"""Of one repository; whoever keeps branches in more folders than this is noticed when all is looked at."""


def find_folders(muse: str, remote: str | None) -> frozenset[str]:
    """``.muse`` (HEAD, config), the branches, and what was seen of the remote; each with the folders in it.

    Where one is missing, the nearest above it is watched, so that its coming is noticed.
    """
    found = {muse}
    for name in ("refs/heads", f"remotes/{remote}" if remote else None):
        if name is None:
            continue
        folder = f"{muse}/{name}"
        while not Path(folder).is_dir() and len(folder) > len(muse):
            folder = folder.rpartition("/")[0]
        if folder.endswith(name):
            found.update(_folders_in(folder))
        found.add(folder)
    return frozenset([path for path in sorted(found) if os.access(path, os.R_OK | os.X_OK)][:_MAX_FOLDERS])


def _folders_in(folder: str) -> Iterator[str]:
    for path, folders, _ in os.walk(folder):
        for name in folders:
            yield f"{path}/{name}"
