"""A hub for as long as a command runs, on embedded parts, in a folder of the command's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import Internal

_START_S = 30.0


@contextmanager
def run_hub(data: Path, *options: str) -> Iterator[tuple[str, str, str]]:
    """A hub as its own process; its URL, owner and token. It has ended when the block ends.

    ``options`` go to ``museui hub serve``.  Raises :class:`Internal` with what it said when it does not start.
    """
    command_line = [sys.executable, "-m", "hubstub", "serve", "--data", str(data), "--port", "0"]
    log_path = data.with_name(data.name + ".log")  # nobody reads it meanwhile, and a pipe would fill up
    with log_path.open("w") as log:
        hub = subprocess.Popen(
            [*command_line, "--owner", "ada", "--json", *options], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert hub.stdout
        line = hub.stdout.readline()
        try:
            ready = json.loads(line)
        except ValueError:
            hub.wait(_START_S)
            raise Internal("the hub did not start", hint=log_path.read_text().strip()[-500:]) from None
        yield ready["url"], ready["owner"], ready["token"]
    finally:
        hub.terminate()
        try:
            hub.communicate(timeout=_START_S)
        except subprocess.TimeoutExpired:
            hub.kill()
            hub.communicate()
