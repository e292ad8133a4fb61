"""``museui hub adopt``: a store and a database that do not know each other become one hub, as far as can be."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from museui.core.errors import Usage
from museui.core.figures import render_bytes
from museui.core.names import check_owner

from .database_option import read_database_url
from .options import data_option, json_option, print_json
from .store_options import read_store_settings, store_options, take_store_options

if TYPE_CHECKING:
    from ..config import HubSettings
    from ..maintenance.adopt import Adopted

_SHOWN = 20


@click.command()
@data_option
@store_options
@click.option("--owner", metavar="NAME", help="Whose the repositories become.  [default: the first user, or you]")
@json_option
def adopt(data_dir: Path, owner: str | None, as_json: bool, **options: Any) -> None:
    """Make the store this database's, and read back what lies there and can be verified.

    For a database that was lost, or is an older copy, or another hub's, when there is no better backup of it. Stop
    every hub on the database and the store first. Objects are taken in by their hashes and belong to nobody; commits of
    bundles that were still on their way into the store become private repositories of the owner. All other commits
    were in the database alone: they come back with the next push from a repository that has them.
    """
    if owner is not None:
        check_owner(owner)
    from ..config import HubSettings
    from ..folder import locked_data_folder, require_one_database
    from ..maintenance.bundle_contents import STORED_LIMITS
    from ..store.minio_process import read_own_minio, running_minio

    folder = data_dir.absolute()
    store = read_store_settings(folder, take_store_options(options))
    own_minio = store is None and read_own_minio(folder) is not None
    settings = HubSettings(folder, STORED_LIMITS, store, database=read_database_url(folder))
    if not folder.is_dir():
        raise Usage(
            f"there is no folder {str(folder)!r}",
            hint="Name the folder that the hub was served from: with --data DIR, or in MUSEUI_HUB_DATA.",
        )
    require_one_database(settings)
    with (
        locked_data_folder(folder),
        running_minio(folder, "127.0.0.1", None) if own_minio else nullcontext() as own,
    ):
        name, token, done = asyncio.run(_adopt(settings, own.settings if own else store, owner))
    if as_json:
        print_json({"owner": name, "token": token, **done.to_json()})
    else:
        _print(done, name, token)


async def _adopt(settings: HubSettings, store: Any, owner: str | None) -> tuple[str, str | None, Adopted]:
    from dataclasses import replace

    from ..first_run import ensure_owner, ensure_same_store, ensure_url_secret
    from ..folder import ensure_worker_name
    from ..identity import read_known
    from ..index.database import Database
    from ..maintenance.adopt import adopt_store
    from ..state import HubState
    from ..store.mark import holds_anything, read_mark
    from ..store_choice import connect_store, store_name
    from .serve import own_name

    settings = replace(settings, store=store)
    where = store_name(settings, ensure_worker_name(settings.data_dir))
    database = Database(settings.database_url, checkpoints=False)
    try:
        found = connect_store(settings, b"")
        if await read_known(database) is None and await read_mark(found) is None and not await holds_anything(found):
            raise Usage(
                f"there is nothing to adopt: {database.name} is missing or empty, and so is the store in {where}",
                hint="Name the folder that the hub was served from with --data, and its store with --store.",
            )
        await database.open()
        await ensure_same_store(database, where)
        hub = HubState(settings, database, connect_store(settings, await ensure_url_secret(database)))
        name, token = await ensure_owner(database, owner, own_name(), hub.now())
        try:
            return name, token, await adopt_store(hub, name)
        finally:
            await hub.desk.close()
    finally:
        await database.close()


def _print(done: Adopted, owner: str, token: str | None) -> None:
    click.echo(f"objects read back: {done.objects} ({render_bytes(done.object_bytes)}); no repository holds them yet")
    click.echo(f"bundles read back: {done.bundles}, with {done.commits} commits")
    for name in done.repositories:
        click.echo(f"private repository: {name}")
    for key, reason in list(done.kept.items())[:_SHOWN]:
        click.echo(f"left as it is: {key}: {reason}", err=True)
    if len(done.kept) > _SHOWN:
        click.echo(f"left as they are: {len(done.kept) - _SHOWN} more", err=True)
    click.echo(
        "hint: Start the hub, and push every repository again from where it is whole: what lies in the store already "
        "is found again. What no push has named after the grace of 14 days is garbage.",
        err=True,
    )
    if token:
        click.echo(f"Token of {owner}, shown this once: {token}")
