"""A hub's index on SQLite: a copy of it, as the operations manual makes one, and its loss."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

DATABASE = "hub.sqlite3"


def copy_database(data_dir: Path, target: Path) -> None:
    """As ``sqlite3 … .backup`` does it, beside a running hub or without one."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(data_dir / DATABASE)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def remove_database(data_dir: Path) -> None:
    """It is gone, with its journal."""
    for path in data_dir.glob(f"{DATABASE}*"):
        path.unlink()
