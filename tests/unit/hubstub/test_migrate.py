"""A database of an older hub becomes one like a fresh one, with all its rows; of a newer hub it is left alone."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from hubstub.config import DATABASE_NAME
from hubstub.index import migrate
from museui.core.errors import Usage
from tests.helpers.hub import hub_command
from tests.helpers.hub_index import fresh_database

RELEASED = Path(__file__).parents[2] / "fixtures" / "hub-0.1.0.sql"
ROWS = """
INSERT INTO users VALUES (1, 'ada', 1.0), (2, 'bob', 2.0);
INSERT INTO repositories (id, public_id, owner_id, slug, visibility, created_at)
    VALUES (1, 'p1', 1, 'song', 'private', 1.0), (7, 'p7', 2, 'empty', 'public', 2.0),
    (9, 'p9', 2, 'gone', 'public', 2.0);
DELETE FROM repositories WHERE id = 9;
INSERT INTO tokens VALUES ('0123456789abcdef', 1, x'00', 'admin', NULL, 'first', 1.0, NULL, NULL);
INSERT INTO bundles VALUES ('b', x'01', 10, x'', 1.0);
INSERT INTO objects VALUES (x'01', 5, NULL, NULL), (x'02', 7000000000, 'b', 3), (x'03', 1, NULL, NULL);
INSERT INTO repository_objects VALUES (1, x'01'), (1, x'02');
INSERT INTO branches VALUES (1, 'main', x'aa', 3.0);
INSERT INTO jobs VALUES ('j', 'bundle.index', 'b', 'running', 1, 0.0, 9.0, NULL, 1.0);
"""


def _make_released(folder: Path, rows: str = ROWS) -> Path:
    path = folder / DATABASE_NAME
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(RELEASED.read_text() + rows)
    return path


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def _described(connection: Connection) -> dict[str, Any]:
    """Everything about the tables but the order of their columns."""
    inspector = inspect(connection)
    written = connection.execute(text("SELECT type, name, sql FROM sqlite_master")).all()
    tables = {row.name: row.sql for row in written if row.type == "table"}
    described: dict[str, Any] = {
        name: {
            "columns": _by_name({**column, "type": repr(column["type"])} for column in inspector.get_columns(name)),
            "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
            "foreign keys": sorted(map(repr, inspector.get_foreign_keys(name))),
            "unique": sorted(map(repr, inspector.get_unique_constraints(name))),
            "options": ["WITHOUT ROWID" in tables[name], "AUTOINCREMENT" in tables[name]],
        }
        for name in inspector.get_table_names()
    }
    described["indexes"] = sorted(row.sql for row in written if row.type == "index" and row.sql)
    return described


def _by_name(columns: Any) -> dict[str, Mapping[str, Any]]:
    return {column["name"]: column for column in columns}


async def _open(folder: Path) -> None:
    async with fresh_database(folder):
        pass


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
async def test_an_upgraded_database_is_like_a_fresh_one(tmp_path: Path) -> None:
    """When this fails after a change of ``schema.py``, ``migrations/versions`` lacks the same change."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    _make_released(tmp_path / "old")
    found: list[dict[str, Any]] = []
    for folder in ("old", "new"):
        async with fresh_database(tmp_path / folder) as database, database.read() as connection:
            found.append(await connection.run_sync(_described))
    old, new = found
    assert old.keys() == new.keys()
    for name in new:
        assert old[name] == new[name], name


async def test_rows_stay_and_what_is_new_is_computed_from_them(tmp_path: Path) -> None:
    _make_released(tmp_path)
    async with fresh_database(tmp_path) as database, database.write() as connection:
        rows = (await connection.execute(text("SELECT id, slug, stored_bytes, signing_policy FROM repositories"))).all()
        assert [tuple(row) for row in rows] == [(1, "song", 7_000_000_005, "valid"), (7, "empty", 0, "valid")]
        assert (await connection.execute(text("SELECT name, quota_bytes FROM users"))).all() == [
            ("ada", None),
            ("bob", None),
        ]
        job = (await connection.execute(text("SELECT id, state, worker FROM jobs"))).one()
        assert tuple(job) == ("j", "running", None)
        insert = (
            "INSERT INTO repositories (public_id, owner_id, slug, visibility, created_at) VALUES ('p', 1, 'n', 'x', 1)"
        )
        await connection.execute(text(insert))
        newest = (await connection.execute(text("SELECT max(id) FROM repositories"))).scalar_one()
        assert newest == 10, "the number of a deleted repository was given again"
        assert (await connection.execute(text("PRAGMA foreign_key_check"))).all() == []
        assert (await connection.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"


async def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = _make_released(tmp_path, ROWS + "INSERT INTO users VALUES (3, 'ADA', 3.0);")
    before = _dump(path)
    with pytest.raises(Exception, match="UNIQUE"):
        await _open(tmp_path)
    assert _dump(path) == before


async def test_two_that_start_at_once_do_it_once(tmp_path: Path) -> None:
    path = _make_released(tmp_path)
    await asyncio.gather(*(_open(tmp_path) for _ in range(4)))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(migrate.HEAD,)]


async def test_what_a_newer_program_wrote_is_left_alone(tmp_path: Path) -> None:
    await _open(tmp_path)
    path = tmp_path / DATABASE_NAME
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = _dump(path)
    with pytest.raises(Usage, match="newer MuseUI wrote the hub's database: it has revision 9999"):
        await _open(tmp_path)
    assert _dump(path) == before


async def test_what_is_not_a_hub_s_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_NAME
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE users (shoe_size INTEGER)")
    before = _dump(path)
    with pytest.raises(Usage, match="not a hub's"):
        await _open(tmp_path)
    assert _dump(path) == before


def test_a_command_does_not_work_on_an_older_database(tmp_path: Path) -> None:
    before = _dump(_make_released(tmp_path))
    failed = hub_command("user", "list", "--data", tmp_path, expect=2)
    assert "revision 0001, and this program knows" in failed.stderr
    assert _dump(tmp_path / DATABASE_NAME) == before
    hub_command("init", "--data", tmp_path)
    assert hub_command("user", "list", "--data", tmp_path).stdout.startswith("ada")


def test_a_start_with_nothing_to_do_does_not_load_alembic(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from hubstub.index.database import Database\n"
        "async def start():\n"
        "    database = Database(sys.argv[1])\n"
        "    await database.open()\n"
        "    await database.close()\n"
        "asyncio.run(start())\n"
        "assert 'alembic' not in sys.modules\n"
    )
    for _ in ("made", "opened"):
        subprocess.run([sys.executable, "-c", code, f"sqlite+aiosqlite:///{tmp_path / DATABASE_NAME}"], check=True)


def test_the_head_is_the_newest_step() -> None:
    scripts = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))
    assert scripts.get_heads() == [migrate.HEAD]
