"""``museui fetch``: the hub's commits come here; branches and work tree stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..core.cells import cell_width, pad
from ..core.errors import EXIT_FAILED, EXIT_OK
from ..core.figures import render_bytes, render_count
from ..core.ids import qualified
from .completing import complete_branch
from .output import Context, json_option, print_json, quiet_option, warn
from .progress import FetchProgress
from .running import run_async, with_line
from .target import Target, open_target, remote_option

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


def tell_faults(result: FetchResult) -> int:
    """Say what of a fetch could not be kept; the exit code."""
    for fault in result.faults:
        warn(fault.message)
    return EXIT_FAILED if result.faults else EXIT_OK


def _fetch(target: Target, branches: list[str] | None, progress: FetchProgress) -> FetchResult:
    from museui.hub.client import HubClient
    from museui.sync.fetch import fetch

    client = HubClient(target.url, target.token, trust=target.trust)
    with target.repository.lock():
        return run_async(
            with_line(client, lambda line: fetch(target.repository, line, target.remote, branches, progress.show))
        )


def fetch_document(target: Target, result: FetchResult) -> dict[str, Any]:
    """The ``--json`` document of a fetch."""
    return {
        "ok": not result.faults,
        "faults": [fault.to_json() for fault in result.faults],
        "repo": str(target.repository.root),
        "remote": target.remote,
        "url": str(target.url),
        "branch_heads": {branch: qualified(head) for branch, head in result.branch_heads.items()},
        "commits": result.commits,
        "snapshots": result.snapshots,
        "objects": result.objects,
        "wire_bytes": result.wire_bytes,
    }


def render_fetch(target: Target, result: FetchResult) -> str:
    """What came, and where the hub's branches are."""
    if result.commits:
        size = render_bytes(result.wire_bytes)
        counts = f"{render_count(result.commits, 'commit')}, {render_count(result.objects, 'object')}"
        first = f"{target.url}: {counts}, {size}"
    else:
        first = f"{target.url}: nothing new"
    width = max((cell_width(branch) for branch in result.branch_heads), default=0)
    lines = [f"  {pad(branch, width)}  {head[:12]}" for branch, head in sorted(result.branch_heads.items())]
    return "\n".join([first, *lines])
