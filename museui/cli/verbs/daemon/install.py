"""``museui daemon install`` and ``uninstall``: the daemon from every login on, kept by systemd or launchd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import click

from ....core.errors import Internal, Unavailable, Usage
from ....edge.output import json_option, print_json, printable, quiet_option, talk
from ....local.programs import program_command, program_environment
from ....repo.atomic import make_folder, write_file
from ....repo.files import disk_error
from . import launchd_agent, systemd_unit

_RUN_S = 60.0
_CARRIED = ("PYTHONPATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
"""What says where the program and its files are, and is not known to who starts services."""


class Keeper(Protocol):
    """Who keeps the daemon running."""

    def path(self) -> Path:
        """Where the file that tells it so lies."""

    def render(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        """That file's text."""

    def check(self, text: str) -> None:
        """Raises :class:`Internal` when it would not take the text."""

    def reach(self) -> None:
        """Raises :class:`Unavailable` when it does not run for this user."""

    def start(self) -> None:
        """Run the daemon, now and at every login. Raises :class:`Unavailable`."""

    def stop(self) -> None:
        """Run it no longer."""


class Systemd:
    """The user's own systemd."""

    def path(self) -> Path:
        return systemd_unit.unit_path()

    def render(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        return systemd_unit.render_unit(command, environment)

    def check(self, text: str) -> None:
        if shutil.which("systemd-analyze"):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / systemd_unit.NAME
                file.write_text(text)
                # It wants a runtime folder, which there is none of where nobody is logged in.
                _check_run("systemd-analyze", "--user", "verify", str(file), XDG_RUNTIME_DIR=folder)

    def reach(self) -> None:
        _start_run("systemctl", "--user", "show-environment")

    def start(self) -> None:
        _start_run("systemctl", "--user", "daemon-reload")
        _start_run("systemctl", "--user", "enable", systemd_unit.NAME)
        _start_run("systemctl", "--user", "restart", systemd_unit.NAME)

    def stop(self) -> None:
        _run("systemctl", "--user", "disable", "--now", systemd_unit.NAME)


class Launchd:
    """The user's launchd on macOS."""

    def path(self) -> Path:
        return launchd_agent.agent_path()

    def render(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        return launchd_agent.render_agent(command, environment)

    def check(self, text: str) -> None:
        if shutil.which("plutil"):
            with tempfile.NamedTemporaryFile("w", suffix=".plist") as file:
                file.write(text)
                file.flush()
                _check_run("plutil", "-lint", file.name)

    def reach(self) -> None:
        _start_run("launchctl", "print", self._domain)

    def start(self) -> None:
        self.stop()
        _start_run("launchctl", "bootstrap", self._domain, str(self.path()))

    def stop(self) -> None:
        _run("launchctl", "bootout", f"{self._domain}/{launchd_agent.LABEL}")

    @property
    def _domain(self) -> str:
        return f"gui/{os.getuid()}"


_KEEPERS: dict[str, Keeper] = {"systemd": Systemd(), "launchd": Launchd()}
_kind_option = click.option(
    "--kind",
    type=click.Choice(list(_KEEPERS)),
    default="launchd" if sys.platform == "darwin" else "systemd",
    show_default=True,
    help="Who keeps it running.",
)


@click.command()
@_kind_option
@click.option("--no-start", is_flag=True, help="Write and check the file; start nothing.")
@json_option
@quiet_option
def install(kind: str, no_start: bool, as_json: bool, quiet: bool) -> None:
    """Run the daemon from now on and from every login on; again when it fails."""
    from ....local.stop import stop_daemon

    keeper = _KEEPERS[kind]
    known = program_environment()
    environment = {name: known[name] for name in _CARRIED if known.get(name)}
    text, path = keeper.render(program_command("daemon"), environment), keeper.path()
    keeper.check(text)
    if not no_start:
        keeper.reach()
    try:
        make_folder(str(path.parent))
    except OSError as exc:
        raise disk_error(exc, f"cannot make {path.parent}") from exc
    write_file(str(path), text.encode(), mode=0o644, exact_mode=True)
    if not no_start:
        stop_daemon()
        keeper.start()
    if as_json:
        print_json({"ok": True, "kind": kind, "path": str(path), "started": not no_start})
    else:
        talk(f"wrote {printable(str(path))}", quiet=quiet)
        talk("the daemon runs, and at every login" if not no_start else "nothing was started", quiet=quiet)


@click.command()
@_kind_option
@json_option
@quiet_option
def uninstall(kind: str, as_json: bool, quiet: bool) -> None:
    """Stop the daemon that `install` set up, and run it at no login any more."""
    keeper = _KEEPERS[kind]
    path = keeper.path()
    there = path.exists()
    if there:
        if shutil.which("systemctl" if kind == "systemd" else "launchctl"):
            keeper.stop()
        try:
            path.unlink()
        except OSError as exc:
            raise disk_error(exc, f"cannot remove {path}") from exc
    if as_json:
        print_json({"ok": True, "kind": kind, "path": str(path), "removed": there})
    else:
        talk(f"removed {printable(str(path))}" if there else "it was not installed", quiet=quiet)


def _run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Raises :class:`Usage` when there is no such program, :class:`Unavailable` when it does not end."""
    try:
        return subprocess.run(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_RUN_S,
        )
    except FileNotFoundError as exc:
        raise Usage(f"there is no {command[0]} here", hint="`museui daemon start` starts it without.") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Unavailable(f"{command[0]} did not do its work: {exc}"[:300]) from exc


def _start_run(*command: str) -> None:
    done = _run(*command)
    if done.returncode:
        raise Unavailable(
            f"{' '.join(command[:3])} failed: {_said(done)}",
            hint="`museui daemon install --no-start` only writes the file; `museui daemon start` needs neither.",
        )


def _check_run(*command: str, **variables: str) -> None:
    done = _run(*command, **variables)
    if done.returncode:
        raise Internal(f"{command[0]} does not take what was to be installed: {_said(done)}")


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return printable((done.stderr or done.stdout).strip()[-300:]) or f"exit code {done.returncode}"
