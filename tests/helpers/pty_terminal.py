"""A program on a pseudo-terminal whose bytes we read ourselves: every frame it paints and when, and what tmux hides.

It answers one question of the program's, whether frames may be bracketed (mode 2026), and so knows where each ends.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

_ASKED, _ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_FRAME_END = b"\x1b[?2026l"
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;:?<>=$]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[P_^][^\x1b]*\x1b\\|[ -~])")
_PIECE_BYTES = 1 << 16
_PATIENCE_S = 60.0
_STILL_S = 0.15
"""Nothing was painted for so long: the program is done with the last key."""


def plain_text(painted: bytes) -> str:
    """What is left of painted bytes without the escape sequences."""
    return _ESCAPES.sub(b"", painted).decode(errors="replace")


class PtyTerminal:
    """``command`` on a pseudo-terminal of ``columns`` × ``lines``; a context manager that leaves no process.

    ``began_s`` is the moment before it was started, by :func:`time.perf_counter`.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 120, lines: int = 36
    ) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (lines, columns))
        self.painted = b""
        self.began_s = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(environment) | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(slave)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def frames(self) -> int:
        """How many frames were painted since the last key."""
        return self.painted.count(_FRAME_END)

    def press(self, keys: bytes) -> None:
        """Once nothing moves, write these bytes, as a terminal does for a key; what was painted before is forgotten."""
        while self.read(_STILL_S):
            pass
        self.painted = b""
        self.write(keys)

    def write(self, keys: bytes) -> None:
        """Write these bytes at once, whatever the program is at."""
        os.write(self._master, keys)

    def read(self, wait_s: float) -> bool:
        """Take in what is painted within ``wait_s``, at least one piece if there is one; whether there was."""
        if not select.select([self._master], [], [], wait_s)[0]:
            return False
        try:
            piece = os.read(self._master, _PIECE_BYTES)
        except OSError:  # Linux says so when the program has closed the terminal
            return False
        if _ASKED in self.painted[-len(_ASKED) :] + piece:
            os.write(self._master, _ANSWER)
        self.painted += piece
        return bool(piece)

    def until_painted(self, *texts: str) -> float:
        """Read until frames since the last key have all of these; the moment the last of them ended.

        Without texts: until one frame was painted. Raises :class:`AssertionError` when they never come.
        """
        deadline_s = time.perf_counter() + _PATIENCE_S
        while not self._has(texts):
            assert time.perf_counter() < deadline_s, f"{texts} never came:\n{plain_text(self.painted[-20_000:])}"
            self.read(0.5)
        return time.perf_counter()

    def _has(self, texts: tuple[str, ...]) -> bool:
        frames = self.painted[: self.painted.rfind(_FRAME_END) + 1]
        if not frames:
            return False
        text = plain_text(frames)
        return all(wanted in text for wanted in texts)

    def until_ended(self) -> int:
        """Read until the program has ended; its exit code. Raises :class:`AssertionError` when it never does."""
        deadline_s = time.perf_counter() + _PATIENCE_S / 3
        while self._process.poll() is None:
            assert time.perf_counter() < deadline_s, f"it never ended:\n{plain_text(self.painted[-20_000:])}"
            self.read(0.05)
        return self._process.wait()

    def hang_up(self) -> int:
        """Take the terminal away, without the signal that a shell would send; the program's exit code."""
        os.close(self._master)
        self._master = -1
        return self._process.wait(_PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._master >= 0:
            os.close(self._master)
