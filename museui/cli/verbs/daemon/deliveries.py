"""``museui daemon deliveries``: who was told that a repository is not safe, or is again, and what came of it."""

from __future__ import annotations

import click

from ....edge.local_time import render_when
from ....edge.output import json_option, print_json, printable, talk
from ....local.client import LocalClient
from ...context import Context
from ...watched import find_watched


@click.command()
@click.argument("repo", required=False, type=click.Path())
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@json_option
@click.pass_obj
def deliveries(context: Context, repo: str | None, number: int, as_json: bool) -> None:
    """Show who was told about repositories that were not safe, the newest first, of all or of REPO.

    Separated by tabs: when, unsafe or safe, path, way, to whom, state, answer.
    """
    client = LocalClient()
    only = f"&repository={find_watched(client, context.path(repo))['id']}" if repo else ""
    answer = client.get(f"deliveries?limit={number}{only}")
    if as_json:
        print_json({"ok": True, **answer})
        return
    if not answer["deliveries"]:
        talk("nobody was told anything yet")
    for item in answer["deliveries"]:
        tries = f" ({item['tries']} times)" if item["tries"] > 1 else ""
        columns = (render_when(item["at"]), *(item[name] for name in ("event", "path", "kind", "target", "state")))
        click.echo("\t".join(printable(column) for column in (*columns, f"{item['answer'] or '-'}{tries}")))
