"""The file of an SQLite database, which somebody may remove or replace while a hub has it open.

What is written after that goes into a file that nobody will ever find again, so it must not be acknowledged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from museui.core.errors import Unavailable

_WAL = "-wal"
_SEEN = "hubstub.wal"


class DatabaseFile:
    """The file at ``path``: whether it is there, and whether it still is the one that was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[int, int] | None = None

    @property
    def is_missing(self) -> bool:
        """Whether there is no file, or one of zero bytes, which SQLite would take for a new database."""
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return True

    def remember(self) -> None:
        """Note that the file which lies there now is the one that is open."""
        self._opened = None if self.is_missing else _identify(self.path)

    def check(self, connection_info: dict[str, Any] | None = None) -> None:
        """Raise :class:`Unavailable` when another file, none or an empty one lies where the one that is open lay.

        ``connection_info``: what belongs to a connection that holds the write-ahead log open, and is written to.
        """
        if self._opened is None:
            return
        if self.is_missing or _identify(self.path) != self._opened:
            raise _gone(self.path)
        if connection_info is not None:
            log = self.path.with_name(self.path.name + _WAL)
            now = _identify(log)
            if connection_info.setdefault(_SEEN, now) != now:
                raise _gone(log)


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _gone(path: Path) -> Unavailable:
    return Unavailable(
        f"the hub's database file {path.name!r} was removed or replaced while the hub was running; nothing is recorded",
        hint="Whoever runs the hub: stop it, put the database back from a backup, and start the hub again.",
        details={"rule": "database_file"},
    )
