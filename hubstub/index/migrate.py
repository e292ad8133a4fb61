"""The tables as this program knows them: made in an empty database, brought up to date in an older one.

Alembic does the latter, from ``migrations/versions``; it is loaded only when there is something to do.  Everything
happens in one transaction that nobody writes beside, so of two hubs that start at once one does it, and a step that
fails leaves the database as it was.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select

from museui.core.errors import Usage

from ..log import log_facts
from .schema import metadata

HEAD = "0004"
"""The revision of ``schema.py``: the newest of ``migrations/versions``."""

_RELEASED = {"branches", "commits", "objects", "repositories", "settings", "users"}
"""Some tables of 0.1.0, which wrote down no revision."""
_versions = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
_log = logging.getLogger("hubstub.index")


def read_revision(connection: Connection) -> str | None:
    """Which revision the tables have; None when that is written nowhere."""
    if not inspect(connection).has_table(_versions.name):
        return None
    return connection.execute(select(_versions.c.version_num)).scalar_one_or_none()


def require_head(connection: Connection) -> None:
    """Raise :class:`Usage` unless the tables are those this program knows."""
    revision = read_revision(connection)
    if revision == HEAD:
        return
    if revision is None and not set(inspect(connection).get_table_names()) & _RELEASED:
        raise Usage(
            "there is no hub in this database",
            hint="Name the folder that your hub is served from with --data, and its database with --database.",
        )
    raise Usage(
        f"the hub's database has revision {revision or '0001'}, and this program knows {HEAD}",
        hint="Run the version of MuseUI that the hub runs; a newer one brings the database up to date when it serves.",
    )


def migrate(connection: Connection) -> None:
    """Bring the tables to :data:`HEAD`. Nobody else may write meanwhile.

    Raises :class:`Usage` for a database that a newer program wrote, or that is not the hub's.
    """
    revision = read_revision(connection)
    if revision == HEAD:
        return
    present = set(inspect(connection).get_table_names())
    if revision is None and not present & metadata.tables.keys():
        metadata.create_all(connection)
        _versions.create(connection)
        connection.execute(insert(_versions).values(version_num=HEAD))
        return
    if revision is None and not (present >= _RELEASED and connection.dialect.name == "sqlite"):
        raise Usage("the database holds something that is not a hub's", hint="Give the hub a database of its own.")
    _upgrade(connection, revision)
    log_facts(_log, "database brought up to date", before=revision or "0001", now=HEAD)


def _upgrade(connection: Connection, revision: str | None) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    if revision is not None:
        try:
            scripts.get_revision(revision)
        except CommandError as exc:
            raise Usage(
                f"a newer MuseUI wrote the hub's database: it has revision {revision}, this one knows {HEAD}",
                hint="Run that version, or a newer one.",
            ) from exc
    with EnvironmentContext(config, scripts, fn=lambda at, _: scripts._upgrade_revs(HEAD, at)) as environment:
        environment.configure(connection=connection, target_metadata=metadata)
        environment.run_migrations()
