"""A cache of the content that files of the work tree had when they were read: an untouched one is not read again.

A cache and nothing more: rubbish in it counts as nothing, and without it everything works, slower.  As git does it, a
file is only trusted when it was last changed before it was read by more than the file system's clock can tell: one
that was written in the same tick may have been written once more since, and look the same.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ..core.errors import MuseError
from ..core.ids import ObjectId, is_hex_id
from .atomic import remove_file, write_file
from .files import read_file
from .temporary import new_name
from .worktree import Stamp

FILE = "museui-files.json"
_VERSION = 1
_MAX_BYTES = 256 << 20


class StatCache:
    """The cache of one work tree. Make one, look up and learn, then :meth:`write`."""

    def __init__(self, muse: str) -> None:
        """Read what was kept in the folder ``muse``."""
        self._muse = muse
        self._former = _read(f"{muse}/{FILE}")
        self._known: dict[str, list[Any]] = {}
        self._learnt = False
        self._now_ns = -1

    def find(self, path: str, stamp: Stamp) -> ObjectId | None:
        """Return the id of the file's content, ``None`` when it must be read."""
        entry = self._former.get(path)
        if isinstance(entry, list) and len(entry) == 5 and tuple(entry[:4]) == stamp:
            object_id = entry[4]
            if isinstance(object_id, str) and is_hex_id(object_id):
                self._known[path] = entry
                return ObjectId(object_id)
        if self._now_ns < 0:  # before the first file is read
            self._now_ns = _read_clock(self._muse)
        return None

    def learn(self, path: str, stamp: Stamp, object_id: ObjectId) -> None:
        """Note what was just read, unless the file may still be written without looking any different."""
        if max(stamp.mtime_ns, stamp.ctime_ns) < self._now_ns:
            self._known[path] = [*stamp, object_id]
            self._learnt = True

    def write(self) -> None:
        """Keep what was looked up and learnt. Never fails: where it cannot be kept, there is none."""
        if self._learnt or len(self._known) != len(self._former):
            content = json.dumps({"version": _VERSION, "files": self._known}, separators=(",", ":")).encode()
            with contextlib.suppress(MuseError):
                write_file(f"{self._muse}/{FILE}", content, sync=False)


def _read(path: str) -> Mapping[str, Any]:
    try:
        document = json.loads(read_file(path, _MAX_BYTES))
    except (FileNotFoundError, MuseError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        return {}
    files = document.get("files")
    return files if isinstance(files, dict) else {}


def _read_clock(folder: str) -> int:
    """Return what the file system of ``folder`` says of a file that is made now; 0 when none can be made."""
    probe = f"{folder}/{new_name()}"
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return 0
    try:
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
        remove_file(probe)
