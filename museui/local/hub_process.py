"""A hub of a command's own, on embedded parts, in a folder of the command's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import Internal
from .programs import program_command, program_environment, require_hub

_START_S = 30.0


class HubProcess:
    """A hub as its own process, which can be stopped and started again at the same address.

    ``options`` go to ``museui hub serve``.  ``url``, ``owner`` and ``token`` are known once it was started.
    """

    def __init__(self, data: Path, *options: str) -> None:
        self._data, self._options = data, options
        self._process: subprocess.Popen[str] | None = None
        self.url = self.owner = self.token = ""

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers.

        Raises :class:`Internal` with what it said instead, and :class:`Usage` when its packages are not installed.
        """
        if self._process:
            return
        require_hub()
        port = self.url.rpartition(":")[2] or "0"
        options = ("--data", str(self._data), "--port", port, "--owner", "ada", "--json", *self._options)
        log_path = self._data.with_name(self._data.name + ".log")  # nobody reads it meanwhile, and a pipe would fill up
        with log_path.open("w") as log:
            command = program_command("hubstub", "serve", *options)
            self._process = subprocess.Popen(
                command, env=program_environment(), stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout
        line = self._process.stdout.readline()
        try:
            ready = json.loads(line)
            self.url, self.owner, self.token = ready["url"], ready["owner"], ready["token"] or self.token
        except (ValueError, KeyError):
            self.stop()
            raise Internal("the hub did not start", hint=log_path.read_text().strip()[-500:] or line) from None

    def stop(self) -> None:
        """Stop it, if it runs, and return when it has ended."""
        hub, self._process = self._process, None
        if hub is None:
            return
        hub.terminate()
        try:
            hub.communicate(timeout=_START_S)
        except subprocess.TimeoutExpired:
            hub.kill()
            hub.communicate()


@contextmanager
def run_hub(data: Path, *options: str) -> Iterator[tuple[str, str, str]]:
    """A hub's URL, owner and token; it has ended when the block ends.  Raises as :meth:`HubProcess.start`."""
    hub = HubProcess(data, *options)
    try:
        hub.start()
        yield hub.url, hub.owner, hub.token
    finally:
        hub.stop()
