"""``museui daemon``: start, stop and look at what watches and pushes by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..core.errors import EXIT_FAILED, EXIT_OK, Busy, Internal, NotFound, Unreachable
from .output import json_option, print_json, printable, quiet_option, talk
from .programs import program_command, program_environment

if TYPE_CHECKING:
    from ..local.client import LocalClient

_START_S = 20.0
_STOP_S = 20.0
_POLL_S = 0.02


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
    from ..local.client import LocalClient, NoDaemon

    try:
        pid = int(LocalClient().post("stop")["pid"])
    except NoDaemon:
        pid = 0
    deadline = time.monotonic() + _STOP_S
    while pid and _lives(pid):
        if time.monotonic() > deadline:
            raise Busy(f"the daemon, process {pid}, has not stopped yet", hint=f"Wait, or: kill -9 {pid}")
        time.sleep(_POLL_S)
    if as_json:
        print_json({"ok": True, "stopped": bool(pid)})
    else:
        talk("the daemon has stopped" if pid else "no daemon ran", quiet=quiet)


@command.command()
@json_option
@quiet_option
def status(as_json: bool, quiet: bool) -> int:
    """Show whether the daemon runs and how it watches; the exit code is 1 when it does not run."""
    from ..local.client import LocalClient, NoDaemon

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
def logs(lines: int) -> None:
    """Show the end of the daemon's log."""
    from collections import deque

    from ..local.places import find_places

    path = find_places().log
    try:
        with path.open(errors="replace") as file:
            for line in deque(file, lines):
                click.echo(printable(line.rstrip("\n")))
    except FileNotFoundError:
        raise NotFound(f"there is no log yet: {path}", hint="Start the daemon: museui daemon start") from None


def ask_version() -> dict[str, Any] | None:
    """Who answers at the socket, ``None`` when nobody does."""
    from ..local.client import LocalClient, NoDaemon

    client: LocalClient = LocalClient()
    try:
        version: dict[str, Any] = client.get("version")
    except NoDaemon:
        return None
    return version


def start_daemon() -> dict[str, Any]:
    """Start the daemon without a terminal and wait until it answers. Raises :class:`Internal` when it ends before."""
    from ..local.places import find_places

    said = find_places().data / "daemon.start.log"
    said.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with said.open("w") as output:
        process = subprocess.Popen(
            program_command("daemon"),
            env=program_environment(),
            cwd=Path.home(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        ended = process.poll()
        version = ask_version()
        if version is not None:
            return version
        if ended is not None:
            raise Internal("the daemon did not start", hint=said.read_text(errors="replace").strip()[-500:])
        time.sleep(_POLL_S)
    raise Unreachable("the daemon was started and does not answer", hint="Look at `museui daemon logs`.")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _render(facts: dict[str, Any], state: dict[str, Any]) -> str:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts["started_at"]))
    how = "polls" if facts["watching_trouble"] else f"watches {facts['watches']} folders of"
    lines = [
        f"runs since {since}, process {facts['pid']}, version {facts['version']}",
        f"{how} {len(state['repositories'])} repositories; {len(state['queue'])} queued",
    ]
    for trouble in (facts["watching_trouble"], *facts["troubles"]):
        if trouble:
            lines += [f"! {printable(trouble['message'])}", f"  {printable(trouble['hint'])}"]
    return "\n".join(lines)
