"""``museui pull``: fetch, then move the branch and the work tree forward."""

from __future__ import annotations

import click

from ...core.figures import render_count
from ...core.ids import qualified
from ...edge.output import json_option, print_json, quiet_option, talk
from ...edge.run_async import run_async, with_line
from ..branch_option import branch_option, pick_branch
from ..context import Context
from ..fetch_result import fetch_document, render_fetch, tell_faults
from ..hub_target import open_target, remote_option
from ..progress import FetchProgress


@click.command()
@click.argument("repo", required=False, type=click.Path())
@remote_option("Where from")
@branch_option
@json_option
@quiet_option
@click.pass_obj
def command(
    context: Context, repo: str | None, remote: str | None, branch: str | None, as_json: bool, quiet: bool
) -> int:
    """Bring the hub's commits here and move the branch forward to them; the work tree follows.

    Never merges, and never writes over a file that was changed here. A pull that was cut off is finished first.
    """
    from museui.hub.client import HubClient
    from museui.repo.moving import Finished
    from museui.sync.clone import pull

    target = open_target(context.path(repo), remote)
    name = pick_branch(target.repository, branch)

    def tell(finished: Finished) -> None:
        talk(f"note: {finished.describe()}", quiet=quiet or as_json)

    with target.repository.lock(), FetchProgress(quiet=quiet or as_json) as progress:
        client = HubClient(target.url, target.token, trust=target.trust)
        pulled = run_async(
            with_line(client, lambda line: pull(target.repository, line, target.remote, name, progress.show, tell))
        )
    if as_json:
        document = fetch_document(target, pulled.fetched)
        old = qualified(pulled.old) if pulled.old else None
        moved = {"branch": name, "previous_head": old, "head": qualified(pulled.head), "files": pulled.files}
        print_json({**document, **moved, "up_to_date": pulled.old == pulled.head})
    elif not quiet:
        click.echo(render_fetch(target, pulled.fetched))
        if pulled.old == pulled.head:
            click.echo(f"{name} is up to date")
        else:
            click.echo(f"{name} is at {pulled.head[:12]}, {render_count(pulled.files, 'file')} changed")
    return tell_faults(pulled.fetched)
