"""Looking for Muse repositories below a folder, so that a person need not type where they are."""

from __future__ import annotations

import errno
import os
from collections import deque
from pathlib import Path

from museui.core.errors import Denied, MuseError, NotFound, Usage
from museui.core.slugs import Slug, propose_slug
from museui.hub.url import parse_hub_url, parse_repository_url
from museui.local.messages import FoundView, trouble_of
from museui.repo.identity import identity_path, read_identities
from museui.repo.repository import Repository, is_repository

from .look import find_remote

MAX_DEPTH = 8
MAX_FOLDERS = 20_000
MAX_FOUND = 1_000
_STEP_FOLDERS = 200


class Search:
    """A search that goes on in steps, near folders first; it blocks while it reads, and follows no link.

    ``folders`` were looked at, ``unreadable`` could not be; ``complete``: no bound ended it.
    """

    def __init__(self, below: str) -> None:
        """Raises :class:`NotFound`, :class:`Usage` when it is not a folder, :class:`Denied`."""
        self.folders = 0
        self.unreadable = 0
        self.complete = True
        self._found = 0
        root = os.path.realpath(below)
        try:
            os.scandir(root).close()
        except OSError as exc:
            raise _cannot_look(below, exc) from exc
        self._left: deque[tuple[str, int]] = deque([(root, 0)])

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to look at."""
        return not self._left

    def look_on(self) -> list[FoundView]:
        """Look at some more folders; what was found there."""
        found: list[FoundView] = []
        for _ in range(min(_STEP_FOLDERS, len(self._left))):
            if self.folders == MAX_FOLDERS or self._found == MAX_FOUND:
                self.complete = False
                self._left.clear()
                break
            folder, depth = self._left.popleft()
            self.folders += 1
            try:
                if is_repository(Path(folder) / ".muse"):
                    self._found += 1
                    found.append(_look_at(folder))
                else:
                    self._go_below(folder, depth)
            except OSError:
                self.unreadable += 1
        return found

    def _go_below(self, folder: str, depth: int) -> None:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
        sayable = [name for name in names if _is_utf8(name)]
        self.unreadable += len(names) - len(sayable)
        if depth == MAX_DEPTH and sayable:
            self.complete = False
        elif len(self._left) < MAX_FOLDERS:
            self._left.extend((os.path.join(folder, name), depth + 1) for name in sayable)  # noqa: PTH118
        else:
            self.complete = False


def _look_at(path: str) -> FoundView:
    try:
        repository = Repository.open(Path(path))
    except MuseError as exc:
        return FoundView(path, None, None, trouble_of(exc))
    try:
        remote = find_remote(repository, None)
    except MuseError as exc:
        slug = propose_slug(Path(path).name)
        url = propose_url(slug)
        return FoundView(path, None, None, trouble_of(exc), url, slug.note if url else "")
    return FoundView(path, remote.name, remote.url)


def propose_url(slug: Slug) -> str:
    """Return a URL for a repository called ``slug`` on the first hub in the identity file; empty when none is known."""
    try:
        for host, identity in read_identities(identity_path()).items():
            return str(parse_repository_url(f"{parse_hub_url(host)}/{identity.name}/{slug.name}"))
    except MuseError:
        return ""
    return ""


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cannot_look(path: str, exc: OSError) -> MuseError:
    if exc.errno == errno.ENOENT:
        return NotFound(f"there is no folder {path!r:.200}")
    if exc.errno == errno.ENOTDIR:
        return Usage(f"not a folder: {path!r:.200}")
    return Denied(f"{path!r:.200} cannot be read: {exc.strerror or exc}", hint="Look at its owner and mode.")
