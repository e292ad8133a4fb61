"""``museui history``: what was pushed, how long each phase took, and what is usual."""

from __future__ import annotations

from typing import Any

import click

from ...core.figures import render_bytes, render_count, render_seconds
from ...edge.local_time import render_when
from ...edge.output import json_option, print_json, printable, talk
from ...local.client import LocalClient
from ..context import Context
from ..watched import find_watched


@click.command()
@click.argument("repo", required=False, type=click.Path())
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many pushes.")
@click.option("--usual", is_flag=True, help="Medians and 95th percentiles of each phase instead.")
@json_option
@click.pass_obj
def command(context: Context, repo: str | None, number: int, usual: bool, as_json: bool) -> None:
    """Show the newest pushes the daemon did, of all repositories or of REPO."""
    client = LocalClient()
    only = f"repository={find_watched(client, context.path(repo))['id']}" if repo else ""
    if usual:
        answer = client.get(f"usual?{only}")
        if as_json:
            print_json({"ok": True, **answer})
        else:
            _print_usual(client, answer["usual"])
        return
    answer = client.get(f"pushes?limit={number}&{only}")
    if as_json:
        print_json({"ok": True, **answer})
        return
    if not answer["pushes"]:
        talk("nothing was pushed yet")
    for push in answer["pushes"]:
        click.echo("\t".join(printable(column) for column in _columns(push)))


def _columns(push: dict[str, Any]) -> tuple[str, ...]:
    if push["error"]:
        tries = f" ({push['tries']} times)" if push["tries"] > 1 else ""
        what = f"{push['error']['code']}: {push['error']['message']}{tries}"
    else:
        what = f"{render_count(push['commits'], 'commit')}, {render_bytes(push['wire_bytes'])}"
        if push["slower"]:
            what += f", slower than usual: {push['slower']}"
    when, took = render_when(push["ended_at"]), render_seconds(push["total_seconds"])
    return (when, push["result"], push["path"], push["branch"], push["head"][:12], took, what)


def _print_usual(client: LocalClient, usual: dict[str, Any]) -> None:
    if not any(usual.values()):
        talk("nothing was pushed yet")
    paths = {view["id"]: view["path"] for view in client.get("repositories")["repositories"]}
    for repository_id, phases in usual.items():
        for name, figures in phases.items():
            columns = (
                paths.get(repository_id, repository_id),
                name,
                f"p50 {render_seconds(figures['p50_s'])}",
                f"p95 {render_seconds(figures['p95_s'])}",
                render_count(figures["count"], "push", "pushes"),
            )
            click.echo("\t".join(printable(column) for column in columns))
