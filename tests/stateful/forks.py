"""The real programs as processes of their own, each in a few milliseconds: forked from one that has imported them all.

``python -m tests.stateful.forks`` is that process. It reads a line of JSON for each program it is to start, and writes
one when a program has begun and one when it has ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 60.0
_IMPORTED = ("museui.cli", "museui.sync", "museui.repo", "museui.hub", "museui.doctor", "hubstub", "daemon")
_LEFT_OUT = ("__main__", "versions", "museui.cli.verbs.demo", "museui.cli.verbs.bench")


@dataclass(frozen=True)
class Answer:
    """What one run said and returned; ``code`` is negative for the signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed with ``--json``; an empty map when it printed nothing."""
        return json.loads(self.out.splitlines()[-1]) if self.out.strip() else {}


class Forks:
    """Starts ``museui``, ``hubstub`` and ``daemon``. A context manager; nothing it started outlives it."""

    def __init__(self) -> None:
        self._codes: dict[int, int] = {}
        self._running: set[int] = set()
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.stateful.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONUTF8": "1", "MUSEUI_FAILPOINT": ""},
            start_new_session=True,
        )
        self._rest = b""

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self._running):
            self.end(pid, signal.SIGKILL)
        assert self._parent.stdin and self._parent.stdout
        self._parent.stdin.close()
        self._parent.wait(_PATIENCE_S)
        self._parent.stdout.close()

    def start(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        *,
        cwd: Path = ROOT,
        largest_file: int | None = None,
    ) -> int:
        """Start ``program``; its process id. ``largest_file``: it may write no file beyond so many bytes."""
        assert self._parent.stdin
        order = {
            "program": program,
            "arguments": list(arguments),
            "environment": dict(environment),
            "cwd": str(cwd),
            "out": str(out),
            "err": str(err),
            "largest_file": largest_file,
        }
        self._parent.stdin.write(json.dumps(order).encode() + b"\n")
        self._parent.stdin.flush()
        while True:
            told = self._read(_PATIENCE_S)
            if "began" in told:
                self._running.add(told["began"])
                return int(told["began"])

    def is_running(self, pid: int) -> bool:
        """Whether that program still runs."""
        while pid not in self._codes and self._has_news(0.0):
            self._read(0.0)
        return pid not in self._codes

    def wait(self, pid: int, patience_s: float = _PATIENCE_S) -> int | None:
        """Its exit code, negative for a signal; ``None`` when it has not ended after ``patience_s``."""
        while pid not in self._codes:
            if not self._has_news(patience_s):
                return None
            self._read(patience_s)
        self._running.discard(pid)
        return self._codes.pop(pid)

    def end(self, pid: int, number: signal.Signals) -> int:
        """Send a signal and wait for the end; whoever does not end is killed, and that is an error."""
        if self.is_running(pid):
            os.kill(pid, number)
        code = self.wait(pid)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            self.wait(pid)
            raise AssertionError(f"process {pid} did not end on {number.name}")
        return code

    def _has_news(self, patience_s: float) -> bool:
        assert self._parent.stdout
        return b"\n" in self._rest or bool(select.select([self._parent.stdout], [], [], patience_s)[0])

    def _read(self, patience_s: float) -> dict[str, int]:
        assert self._parent.stdout
        while b"\n" not in self._rest:
            assert self._has_news(patience_s), "the process that forks does not answer"
            piece = os.read(self._parent.stdout.fileno(), 1 << 16)
            assert piece, "the process that forks has ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        told: dict[str, int] = json.loads(line)
        if "ended" in told:
            self._codes[told["ended"]] = told["code"]
        return told


def _serve() -> None:
    """Fork a child for each line until there are no more; returns in a child never, and in the parent at the end."""
    for name in _IMPORTED:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(part in module.name for part in _LEFT_OUT):
                importlib.import_module(module.name)
    gc.freeze()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    rest = b""
    while True:
        ready = select.select([0, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            _tell_ended()
        if 0 in ready:
            piece = os.read(0, 1 << 16)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                pid = os.fork()
                if not pid:
                    os.close(woken)
                    os.close(wake)
                    _become(json.loads(line))
                _tell({"began": pid})


def _tell_ended() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(fact: dict[str, int]) -> None:
    os.write(1, json.dumps(fact).encode() + b"\n")


def _become(order: dict[str, Any]) -> None:
    """Be that program, to its end."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, order["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    if order["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], resource.RLIM_INFINITY))
    sys.argv = [order["program"], *order["arguments"]]
    if order["program"] == "museui":
        importlib.import_module("museui.cli.main").main()
    from museui.core import failpoints

    failpoints.arm(os.environ.get(failpoints.ENVIRONMENT, ""))
    if order["program"] == "daemon":
        sys.exit(importlib.import_module("daemon.__main__").main())
    sys.exit(importlib.import_module("hubstub.cli.main").run(order["arguments"]))


if __name__ == "__main__":
    _serve()
