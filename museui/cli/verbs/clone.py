"""``museui clone``: a repository on a hub becomes one on this machine, with its work tree."""

from __future__ import annotations

import os

import click

from ...core.ids import qualified
from ...edge.output import json_option, print_json, printable, quiet_option, warn
from ...edge.run_async import run_async, with_line
from ...repo.repository import real_path
from ..context import Context
from ..fetch_result import fetch_document, render_fetch, tell_faults
from ..progress import FetchProgress


@click.command()
@click.argument("url")
@click.argument("folder", required=False, type=click.Path())
@click.option("--branch", metavar="NAME", help="Check out this branch (default: the hub's default branch).")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, url: str, folder: str | None, branch: str | None, as_json: bool, quiet: bool) -> int:
    """Make a local copy of the repository at URL, in FOLDER (default: its name).

    One that was cut off is finished by the same command.
    """
    from museui.hub.client import HubClient
    from museui.hub.url import parse_repository_url
    from museui.settings.hubs import find_trust
    from museui.settings.tokens import note_named_hub, token_for
    from museui.sync.clone import clone

    from ..hub_target import HubTarget

    address = parse_repository_url(url)
    note_named_hub(address.base)
    token, trust = token_for(address.base, os.environ, warn, named=True), find_trust(address.base, os.environ)
    root = real_path(context.path(folder or address.slug))
    with FetchProgress(quiet=quiet or as_json) as progress:
        client = HubClient(address, token, trust=trust)
        cloned = run_async(with_line(client, lambda line: clone(line, root, branch, progress.show)))
    target = HubTarget(cloned.repository, "origin", address, None)
    if as_json:
        document = fetch_document(target, cloned.fetched)
        head = qualified(cloned.head) if cloned.head else None
        print_json({**document, "branch": cloned.branch, "head": head, "resumed": cloned.resumed})
    elif not quiet:
        click.echo(render_fetch(target, cloned.fetched))
        click.echo(
            f"cloned into {printable(str(root))}" + (f" on {cloned.branch}" if cloned.head else ", which is empty")
        )
    return tell_faults(cloned.fetched)
