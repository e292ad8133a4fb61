"""``--database``: which database the hub has, for every verb that works on it, given once for all of them.

An option goes before ``MUSEUI_HUB_DATABASE``, and that before ``url`` in ``[database]`` of ``hub.toml``.  The option is
for addresses without a password, since others on the machine can see it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from museui.core.errors import Usage

if TYPE_CHECKING:
    from ..index.database import Database

F = TypeVar("F", bound=Callable[..., Any])

_KEPT = "hubstub.database"


def database_option(function: F) -> F:
    """``--database URL``; it is no parameter of the verb: :func:`read_database_url` finds it."""

    def keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        context.meta[_KEPT] = value

    return click.option(
        "--database",
        metavar="URL",
        envvar="MUSEUI_HUB_DATABASE",
        expose_value=False,
        callback=keep,
        help="postgresql://USER@HOST/DATABASE instead of SQLite in the hub's folder. "
        "A password belongs in MUSEUI_HUB_DATABASE or in hub.toml.",
    )(function)


def read_database_url(data_dir: Path) -> str | None:
    """The hub's database as :class:`~hubstub.config.HubSettings` takes it: None for SQLite in the folder.

    Raises :class:`Usage` for an address of another kind, without showing it.
    """
    from ..index.postgresql import is_postgresql
    from ..store.store_file import NAME, read_file_database

    context = click.get_current_context(silent=True)
    given: str | None = context.meta.get(_KEPT) if context else None
    url = given or read_file_database(data_dir / NAME)
    if url and not is_postgresql(url):
        raise Usage(
            "this is no address of a PostgreSQL database",
            hint="Write postgresql://USER@HOST/DATABASE, or leave it out: then SQLite is used, in the hub's folder.",
        )
    return url or None


@asynccontextmanager
async def open_database(data_dir: Path) -> AsyncIterator[Database]:
    """The database of the hub in ``data_dir``, beside the hub if it runs. Raises :class:`Usage` when there is none."""
    from ..config import HubSettings
    from ..folder import require_data_folder
    from ..index.database import Database

    url = read_database_url(data_dir)
    if url is None:
        require_data_folder(data_dir)
    database = Database(HubSettings(data_dir, database=url).database_url, checkpoints=False)
    try:
        await database.require_open()
        yield database
    finally:
        await database.close()
