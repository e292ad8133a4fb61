"""``museui daemon``: start, stop and look at what watches and pushes by itself."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NoReturn

import click

from ....core.errors import EXIT_FAILED, EXIT_OK, NotFound
from ....core.figures import render_count
from ....edge.output import json_option, print_json, printable, quiet_option, talk
from ....local.programs import program_command, program_environment
from .deliveries import deliveries
from .install import install, uninstall


@click.group()
def command() -> None:
    """What watches repositories and pushes what is new, by itself."""


@command.command()
def run() -> NoReturn:
    """Be the daemon, in this terminal, until Ctrl+C."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, program_command("daemon"), program_environment())


@command.command()
@json_option
@quiet_option
def start(as_json: bool, quiet: bool) -> None:
    """Start the daemon in the background; nothing happens when it runs."""
    from ....local.start import ask_version, start_daemon

    version = ask_version()
    started = version is None
    if version is None:
        version = start_daemon()
    if as_json:
        print_json({"ok": True, "started": started, **version})
    else:
        talk(f"the daemon {'runs' if started else 'ran already'}, process {version['pid']}", quiet=quiet)


@command.command()
@json_option
@quiet_option
def stop(as_json: bool, quiet: bool) -> None:
    """Stop the daemon; a push that runs is finished, or goes on at the next start."""
    from ....local.stop import stop_daemon

    stopped = stop_daemon()
    if as_json:
        print_json({"ok": True, "stopped": stopped})
    else:
        talk("the daemon has stopped" if stopped else "no daemon ran", quiet=quiet)


@command.command()
@json_option
@quiet_option
def restart(as_json: bool, quiet: bool) -> None:
    """Stop the daemon if it runs, and start it: after an update, for example."""
    from ....local.start import start_daemon
    from ....local.stop import stop_daemon

    stopped = stop_daemon()
    version = start_daemon()
    if as_json:
        print_json({"ok": True, "stopped": stopped, **version})
    else:
        talk(f"the daemon runs, process {version['pid']}", quiet=quiet)


@command.command()
@json_option
@quiet_option
def status(as_json: bool, quiet: bool) -> int:
    """Show whether the daemon runs and how it watches; the exit code is 1 when it does not run."""
    from ....local.client import LocalClient, NoDaemon

    try:
        state = LocalClient().get("state")
    except NoDaemon as exc:
        if as_json:
            print_json({"ok": True, "running": False})
        else:
            talk(f"{exc.message}. {exc.hint}", quiet=quiet)
        return EXIT_FAILED
    (facts,) = state["daemon"].values()
    if as_json:
        counts = {"repositories": len(state["repositories"]), "queue": len(state["queue"])}
        print_json({"ok": True, "running": True, **facts, **counts})
    elif not quiet:
        click.echo(_render(facts, state))
    return EXIT_OK


@command.command()
@click.option("-n", "--lines", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many.")
@json_option
def logs(lines: int, as_json: bool) -> None:
    """Show the end of the daemon's log."""
    from collections import deque

    from ....local.places import find_places

    path = find_places().log
    try:
        with path.open(errors="replace") as file:
            last = [line.rstrip("\n") for line in deque(file, lines)]
    except FileNotFoundError:
        raise NotFound(f"there is no log yet: {path}", hint="Start the daemon: museui daemon start") from None
    if as_json:
        print_json({"ok": True, "path": str(path), "lines": last})
    else:
        for line in last:
            click.echo(printable(line))


command.add_command(deliveries)
command.add_command(install)
command.add_command(uninstall)


def _render(facts: dict[str, Any], state: dict[str, Any]) -> str:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts["started_at"]))
    how = "polls" if facts["watching_trouble"] else f"watches {render_count(facts['watches'], 'folder')} of"
    watched = render_count(len(state["repositories"]), "repository", "repositories")
    lines = [
        f"runs since {since}, process {facts['pid']}, version {facts['version']}",
        f"{how} {watched}; {len(state['queue'])} queued",
    ]
    for trouble in (facts["watching_trouble"], *facts["troubles"]):
        if trouble:
            lines += [f"! {printable(trouble['message'])}", f"  {printable(trouble['hint'])}"]
    return "\n".join(lines)
