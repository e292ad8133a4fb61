"""``museui queue``: what waits to be pushed and why; try it now, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...core.errors import NotFound
from ...core.figures import render_count
from ...edge.output import json_option, print_json, printable, quiet_option, talk
from ...local.client import LocalClient
from ..context import Context
from ..daemon_facts import render_why


@click.group()
def command() -> None:
    """What waits to be pushed, and why."""


@command.command("list")
@json_option
def list_queue(as_json: bool) -> None:
    """List what waits: id, state, repository, branch and why, separated by tabs."""
    entries = LocalClient().get("queue")["queue"]
    if as_json:
        print_json({"ok": True, "queue": entries})
        return
    if not entries:
        talk("nothing waits")
    for entry in entries:
        columns = (entry["id"], entry["state"], entry["path"], entry["branch"], render_why(entry))
        click.echo("\t".join(printable(column) for column in columns))


@command.command()
@click.argument("entry", required=False)
@json_option
@quiet_option
@click.pass_obj
def retry(context: Context, entry: str | None, as_json: bool, quiet: bool) -> None:
    """Try now: all, or ENTRY (its id, or the folder of a repository), whatever it waits for."""
    client = LocalClient()
    if entry is None:
        count = client.post("queue/retry")["retried"]
    else:
        found = _find(client, context, entry)
        count = sum(client.post(f"queue/{item['id']}/retry")["retried"] for item in found)
    if as_json:
        print_json({"ok": True, "retried": count})
    else:
        talk(f"trying {render_count(count, 'push', 'pushes')} again" if count else "nothing to try again", quiet=quiet)


@command.command()
@click.argument("entry")
@json_option
@quiet_option
@click.pass_obj
def cancel(context: Context, entry: str, as_json: bool, quiet: bool) -> None:
    """Do not push ENTRY (its id, or the folder of a repository) before there is a new commit; a push of it is ended."""
    client = LocalClient()
    found = _find(client, context, entry)
    for item in found:
        client.post(f"queue/{item['id']}/cancel")
    if as_json:
        print_json({"ok": True, "cancelled": len(found)})
    else:
        talk(f"cancelled {len(found)}; the next commit is pushed again", quiet=quiet)


def _find(client: LocalClient, context: Context, text: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = client.get("queue")["queue"]
    path = str(Path(context.path(text)).resolve())
    found = [entry for entry in entries if text == entry["id"] or path == entry["path"]]
    if not found:
        raise NotFound(f"nothing in the queue is called {text!r:.200}", hint="`museui queue list` shows what waits.")
    return found
