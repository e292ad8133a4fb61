"""``museui fetch``: the hub's commits come here; branches and work tree stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ...edge.output import json_option, print_json, quiet_option
from ...edge.run_async import run_async, with_line
from ..completers import complete_branch
from ..context import Context
from ..fetch_result import fetch_document, render_fetch, tell_faults
from ..hub_target import HubTarget, open_target, remote_option
from ..progress import FetchProgress

if TYPE_CHECKING:
    from museui.sync.fetch import FetchResult


@click.command()
@click.argument("repo", required=False, type=click.Path())
@remote_option("Where from")
@click.option(
    "--branch",
    "branches",
    shell_complete=complete_branch,
    metavar="NAME",
    multiple=True,
    help="Only this branch; may be repeated.",
)
@json_option
@quiet_option
@click.pass_obj
def command(
    context: Context, repo: str | None, remote: str | None, branches: tuple[str, ...], as_json: bool, quiet: bool
) -> int:
    """Bring the hub's commits here, every one checked, and note where its branches are."""
    target = open_target(context.path(repo), remote)
    with FetchProgress(quiet=quiet or as_json) as progress:
        result = _fetch(target, list(branches) or None, progress)
    if as_json:
        print_json(fetch_document(target, result))
    elif not quiet:
        click.echo(render_fetch(target, result))
    return tell_faults(result)


def _fetch(target: HubTarget, branches: list[str] | None, progress: FetchProgress) -> FetchResult:
    from museui.hub.client import HubClient
    from museui.sync.fetch import fetch

    client = HubClient(target.url, target.token, trust=target.trust)
    with target.repository.lock():
        return run_async(
            with_line(client, lambda line: fetch(target.repository, line, target.remote, branches, progress.show))
        )
