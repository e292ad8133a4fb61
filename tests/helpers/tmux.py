"""A terminal for programs: tmux on a server of its own, keys in, what is on the screen out."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

LEFT = "left with status"  # and a number: what the screen says when the command has ended

_PATIENCE_S = 60.0


class Terminal:
    """``command`` in a terminal of ``columns`` × ``lines``; a context manager that leaves neither."""

    def __init__(self, command: str, environment: Mapping[str, str], columns: int = 100, lines: int = 30) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mt-")
        self._socket = str(Path(self._folder.name) / "tmux")
        self._environment = dict(environment) | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        size = ("-x", str(columns), "-y", str(lines))
        told = f"{command}; echo {LEFT} $?; exec sleep 600"  # tmux itself now and then misses a status
        self._tmux("-f", "/dev/null", "-u", "new-session", "-d", "-s", "museui", *size, told)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def text(self) -> str:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "museui")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux("send-keys", "-t", "museui", *keys)

    def sees(self, *texts: str) -> str:
        """Wait until the screen has all of these; the screen."""
        deadline = time.monotonic() + _PATIENCE_S
        while not all(text in (screen := self.text) for text in texts):
            assert time.monotonic() < deadline, f"{texts} never came:\n{screen}"
            time.sleep(0.05)
        return screen

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")
        self._folder.cleanup()
