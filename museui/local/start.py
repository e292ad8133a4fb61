"""Starting the daemon in the background, for whoever wants to talk to it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from ..core.errors import Busy, Denied, Internal, MuseError, Unreachable, Usage
from ..core.system import error_from_system
from .client import LocalClient, NoDaemon
from .places import check_socket_path, find_places
from .programs import program_command, program_environment

_START_S = 20.0
_ROOM_BYTES = 256 << 10
"""Bytes that the daemon writes at its start, its database for the most part."""
_POLL_S = 0.02
_BACK_S = 5.0
"""How long a daemon that runs already may take to listen again where its socket was taken away."""


def ask_version() -> dict[str, Any] | None:
    """Who answers at the socket, ``None`` when nobody does."""
    client = LocalClient()
    try:
        version: dict[str, Any] = client.get("version")
    except NoDaemon:
        return None
    return version


def start_daemon() -> dict[str, Any]:
    """Start the daemon without a terminal and wait until it answers. Raises what it said when it ends before that."""
    places = find_places()
    check_socket_path(places.socket)
    said = places.data / "daemon.start.log"
    _check_room(said)
    with said.open("w") as output:
        process = subprocess.Popen(
            program_command("daemon", "--background"),
            env=program_environment(),
            cwd=Path.home(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    began_s = time.monotonic()
    while (waited_s := time.monotonic() - began_s) < _START_S:
        ended = process.poll()
        version = ask_version()
        if version is not None:
            return version
        if ended is not None and (ended != Busy.exit_code or waited_s > _BACK_S):
            raise _error_of(said.read_text(errors="replace").strip(), ended)
        time.sleep(_POLL_S)
    raise Unreachable("the daemon was started and does not answer", hint="Look at `museui daemon logs`.")


def _check_room(path: Path) -> None:
    """Raise what keeps a file from being written at ``path``: a daemon whose words cannot be kept could say nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("wb") as file:
            file.write(bytes(_ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        refusal = error_from_system(exc) or Internal("")
        message = f"the daemon cannot keep its files in {path.parent}: {exc.strerror or exc}"
        raise type(refusal)(message, hint=refusal.hint) from exc


def _error_of(said: str, code: int) -> MuseError:
    """What a daemon that ended with ``code`` said: ``error:`` and perhaps ``hint:``, or the end of a traceback."""
    kind = next((item for item in (Usage, Busy, Denied) if item.exit_code == code), Internal)
    lines = said.splitlines() or [f"exit code {code}"]
    message = next((line for line in lines if line.startswith("error: ")), lines[-1]).removeprefix("error: ")
    hint = next((line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")), "")
    return kind(f"the daemon did not start: {message[:500]}", hint=hint[:500])
