"""``museui watch``: which repositories the daemon looks after, and how."""

from __future__ import annotations

import re
from typing import Any

import click

from ...core.errors import Usage
from ...edge.local_time import render_when
from ...edge.output import json_option, print_json, printable, quiet_option, talk
from ...local.client import LocalClient
from ..context import Context
from ..watched import find_watched

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d{1,6})([smhdw])").fullmatch


@click.group()
def command() -> None:
    """Which repositories the daemon looks after."""


@command.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path())
@click.option("--remote", metavar="NAME|URL", help="Where to push (default: the only remote, or 'origin').")
@click.option("--branch", "branches", metavar="PATTERN", multiple=True, help="Only these branches; may be repeated.")
@click.option("--snapshot-on-change/--no-snapshot-on-change", default=None, help="Commit the work tree by itself.")
@click.option("--unsafe-after", metavar="TIME", help="Tell after so long that it is not safe: 10m, 3d, or 'default'.")
@json_option
@quiet_option
@click.pass_obj
def add(
    context: Context,
    folders: tuple[str, ...],
    remote: str | None,
    branches: tuple[str, ...],
    snapshot_on_change: bool | None,
    unsafe_after: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look after the repositories in FOLDERS: every commit is pushed as it is made."""
    settings: dict[str, Any] = {}
    if remote is not None:
        settings["remote"] = remote
    if branches:
        settings["branches"] = list(branches)
    if snapshot_on_change is not None:
        settings["snapshot_on_change"] = snapshot_on_change
    if unsafe_after is not None:
        settings["unsafe_after_minutes"] = parse_minutes(unsafe_after)
    client, views = LocalClient(), []
    for folder in folders:
        answer = client.post("repositories", {"path": str(context.path(folder).resolve()), **settings})
        views.append(answer["repository"])
        if not as_json:
            talk(f"watching {printable(answer['repository']['path'])}", quiet=quiet)
    if as_json:
        print_json({"ok": True, "repositories": views})


@command.command()
@click.argument("folder", type=click.Path())
@json_option
@quiet_option
@click.pass_obj
def remove(context: Context, folder: str, as_json: bool, quiet: bool) -> None:
    """Look after the repository in FOLDER no longer; its history stays."""
    client = LocalClient()
    view = find_watched(client, context.path(folder))
    client.ask("DELETE", f"repositories/{view['id']}")
    if as_json:
        print_json({"ok": True, "removed": view["path"]})
    else:
        talk(f"no longer watching {printable(view['path'])}", quiet=quiet)


@command.command("list")
@json_option
def list_watched(as_json: bool) -> None:
    """List what is looked after: state, path, remote, branches and settings, separated by tabs."""
    views = LocalClient().get("repositories")["repositories"]
    if as_json:
        print_json({"ok": True, "repositories": views})
        return
    if not views:
        talk("nothing is watched")
    for view in views:
        columns = (
            view["state"],
            view["path"],
            view["remote"] or "-",
            ",".join(view["watched_branches"]),
            _settings(view),
        )
        click.echo("\t".join(printable(column) for column in columns))


@command.command()
@click.argument("folder", type=click.Path(), default=".")
@click.option("--for", "duration", metavar="TIME", help="How long: 30m, 2h, 3d (default: until it is resumed).")
@json_option
@quiet_option
@click.pass_obj
def pause(context: Context, folder: str, duration: str | None, as_json: bool, quiet: bool) -> None:
    """Push nothing of the repository in FOLDER for a while."""
    body = {} if duration is None else {"for_s": parse_duration(duration)}
    client = LocalClient()
    view = client.post(f"repositories/{find_watched(client, context.path(folder))['id']}/pause", body)["repository"]
    if as_json:
        print_json({"ok": True, "repository": view})
    else:
        until = f"until {render_when(view['paused_until'])}" if view["paused_until"] else "until it is resumed"
        talk(f"paused {printable(view['path'])} {until}", quiet=quiet)


@command.command()
@click.argument("folder", type=click.Path(), default=".")
@json_option
@quiet_option
@click.pass_obj
def resume(context: Context, folder: str, as_json: bool, quiet: bool) -> None:
    """Push again what the repository in FOLDER has."""
    client = LocalClient()
    view = client.post(f"repositories/{find_watched(client, context.path(folder))['id']}/resume")["repository"]
    if as_json:
        print_json({"ok": True, "repository": view})
    else:
        talk(f"resumed {printable(view['path'])}", quiet=quiet)


def _settings(view: dict[str, Any]) -> str:
    minutes = view["unsafe_after_minutes"]
    named = (view["snapshot_on_change"] and "snapshot-on-change", minutes and f"unsafe-after={minutes}m")
    return " ".join(filter(None, named)) or "-"


def parse_duration(text: str) -> int:
    """Seconds of ``30m``, ``2h``, ``3d``. Raises :class:`Usage`."""
    match = _DURATION(text)
    if not match or not int(match[1]):
        raise Usage(f"not a length of time: {text!r:.40}", hint="Like 45s, 30m, 2h, 3d or 1w.")
    return int(match[1]) * _UNITS[match[2]]


def parse_minutes(text: str) -> int | None:
    """Whole minutes of ``10m``, ``2h``, ``3d``, ``None`` for ``default``. Raises :class:`Usage`."""
    if text == "default":
        return None
    minutes, rest_s = divmod(parse_duration(text), 60)
    if rest_s:
        raise Usage(f"not a whole number of minutes: {text!r:.40}")
    return minutes
