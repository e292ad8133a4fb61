"""Everything a hub holds, read from its folder: to see that something changed nothing, or left nothing lying about."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hubstub.store.mark import KEY as MARK
from hubstub.store.store_file import read_file_database
from tests.helpers.postgresql import query
from tests.helpers.push_client import wait_until

TABLES = (
    "branches",
    "bundles",
    "chunks",
    "commits",
    "jobs",
    "objects",
    "pushes",
    "ref_moves",
    "repositories",
    "repository_objects",
    "snapshots",
)
"""What a push writes; an upload that was announced is no change."""


def read_rows(data_dir: Path, statement: str) -> list[tuple[Any, ...]]:
    """The rows of one query to the hub's database, whichever it is."""
    if url := read_file_database(data_dir / "hub.toml"):
        return query(url, statement)
    with closing(sqlite3.connect(f"file:{data_dir / 'hub.sqlite3'}?mode=ro", uri=True)) as connection:
        return connection.execute(statement).fetchall()


def read_tables(data_dir: Path, tables: tuple[str, ...] = TABLES) -> dict[str, list[tuple[Any, ...]]]:
    """Table → all its rows, sorted."""
    return {table: sorted(read_rows(data_dir, f"SELECT * FROM {table}"), key=repr) for table in tables}


def stored_files(data_dir: Path) -> set[str]:
    """Every file of the object store and of the spool, by its path below the folder; the store's mark is none."""
    return {
        str(path.relative_to(data_dir))
        for folder in ("store", "spool")
        for path in (data_dir / folder).rglob("*")
        if path.is_file() and not path.name.endswith(MARK)
    }


def hub_contents(data_dir: Path) -> tuple[dict[str, list[tuple[Any, ...]]], set[str]]:
    """Both of the above, once every push is promoted: equal before and after when nothing changed."""
    wait_until(
        lambda: (
            not read_tables(data_dir, ("jobs",))["jobs"]
            and not any(path.startswith("store/bundles/") for path in stored_files(data_dir))
        )
    )
    return read_tables(data_dir), stored_files(data_dir)
