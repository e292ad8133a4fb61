"""``museui clone``: a repository on a hub becomes one on this machine, with its work tree."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import click

from ..core.errors import Usage
from ..core.ids import qualified
from ..repo.repository import real_path
from .fetch import fetch_document, render_fetch
from .output import Context, json_option, print_json, printable, quiet_option, warn
from .progress import FetchProgress


@click.command()
@click.argument("url")
@click.argument("folder", required=False, type=click.Path())
@click.option("--branch", metavar="NAME", help="Check out this branch (default: the hub's default branch).")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, url: str, folder: str | None, branch: str | None, as_json: bool, quiet: bool) -> None:
    """Make a local copy of the repository at URL, in FOLDER (default: its name)."""
    from museui.hub.client import HubClient
    from museui.hub.url import parse_repository_url
    from museui.repo.identity import token_for
    from museui.settings.hubs import find_authority
    from museui.sync.clone import Cloned, clone

    from .target import Target

    address = parse_repository_url(url)
    token, ca = token_for(address.base, os.environ, warn), find_authority(address.base, os.environ)
    root = real_path(context.path(folder or address.slug))
    made = _prepare(root)

    async def run(progress: FetchProgress) -> Cloned:
        async with HubClient(address, token, ca=ca) as client:
            return await clone(client, root, branch, progress.show)

    try:
        with FetchProgress(quiet=quiet or as_json) as progress:
            cloned = asyncio.run(run(progress))
    except BaseException:
        _clean(root, made)
        raise
    target = Target(cloned.repository, "origin", address, None)
    if as_json:
        document = fetch_document(target, cloned.fetched)
        print_json({**document, "branch": cloned.branch, "head": qualified(cloned.head) if cloned.head else None})
    elif not quiet:
        click.echo(render_fetch(target, cloned.fetched))
        click.echo(
            f"cloned into {printable(str(root))}" + (f" on {cloned.branch}" if cloned.head else ", which is empty")
        )


def _prepare(root: Path) -> bool:
    """Make sure that ``root`` is an empty folder or none; whether it is new."""
    if not root.exists():
        return True
    if not root.is_dir() or any(root.iterdir()):
        raise Usage(f"{root} is there already, and no empty folder", hint="Name another folder after the URL.")
    return False


def _clean(root: Path, made: bool) -> None:
    """A clone that failed leaves nothing."""
    if made:
        shutil.rmtree(root, ignore_errors=True)
        return
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
