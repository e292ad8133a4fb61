"""Start the real programs as processes in milliseconds: each is forked from one process that has imported them all.

A program that a test starts has its own process id, environment, folder, signals and exit code, as if it had been
started by ``python -m``; only the imports, 0.3 to 1 second of processor time, are not repeated.

``python -m tests.helpers.forks FD`` is the process that forks. It takes one order at a time over the socket ``FD``: a
line of JSON with the descriptors of stdin, stdout, stderr and of a socket of that order. Over the latter it sends the
process id when the program has begun and the exit code when it has ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 60.0
_IMPORTED = ("museui.cli", "museui.sync", "museui.repo", "museui.hub", "museui.doctor", "hubstub", "daemon")
_LEFT_OUT = ("__main__", "versions", "museui.cli.verbs.demo", "museui.cli.verbs.bench")
_MOST_ORDER_BYTES = 1 << 20
_FIRST_OTHER_FD, _LAST_OTHER_FD = 3, 1024


@dataclass(frozen=True)
class Answer:
    """Output and exit code of one run; ``code`` is negative for the signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document that stdout ends with; an empty map when stdout is empty."""
        return json.loads(self.out.splitlines()[-1]) if self.out.strip() else {}


class ForkedProcess:
    """A program that :class:`Forks` has started, with the interface of :class:`subprocess.Popen`."""

    def __init__(self, status: socket.socket, stdout: IO[str] | None) -> None:
        self._status = status
        self._lock = threading.Lock()
        self.stdout = stdout
        self.returncode: int | None = None
        self.pid = int(self._read())

    def _read(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            piece = self._status.recv(1)
            assert piece, "the process that forks has ended"
            line += piece
        return line.decode()

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code at its end; raise :class:`subprocess.TimeoutExpired` after ``timeout`` seconds."""
        with self._lock:
            if self.returncode is None:
                if not select.select([self._status], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
                self.returncode = int(self._read())
                self._status.close()
            return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str | None]:
        """Wait for its end; the rest of its stdout, which must be a pipe."""
        assert self.stdout is not None
        self.wait(timeout)
        with self.stdout:
            return self.stdout.read(), None

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def end(self, number: int) -> int:
        """Send a signal and return the exit code; a process that does not end is killed, and that is an error."""
        self.send_signal(number)
        try:
            return self.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait(_PATIENCE_S)
            raise AssertionError(f"process {self.pid} did not end on {signal.Signals(number).name}") from None


Process = ForkedProcess | subprocess.Popen[str]


class Forks:
    """Starts ``museui``, ``hubstub`` and ``daemon``. A context manager; nothing it started outlives it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders, theirs = socket.socketpair()
        with theirs:
            kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.helpers.forks", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**kept, "PYTHONUTF8": "1", "MUSEUI_FAILPOINT": ""},
                pass_fds=[theirs.fileno()],
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that forks; it kills what still runs."""
        self._orders.close()
        self._server.wait(_PATIENCE_S)

    def start(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: int | IO[Any] | Path,
        err: int | IO[Any] | Path,
        *,
        cwd: Path = ROOT,
        largest_file: int | None = None,
        strict: bool = False,
    ) -> ForkedProcess:
        """Start ``program``.

        ``out`` may be :data:`subprocess.PIPE`. A path is appended to. ``largest_file``: the size in bytes beyond which
        the program can write no file; by default the limit of this process. ``strict``: its warnings are errors, as
        with ``python -W error``.
        """
        if largest_file is None and (own := resource.getrlimit(resource.RLIMIT_FSIZE)[0]) != resource.RLIM_INFINITY:
            largest_file = own
        order = {
            "program": program,
            "arguments": list(arguments),
            "environment": dict(environment),
            "cwd": str(cwd),
            "largest_file": largest_file,
            "strict": strict,
        }
        with contextlib.ExitStack() as opened:
            null = opened.enter_context(open(os.devnull))
            stdout: IO[str] | None = None
            if out == subprocess.PIPE:
                readable, writable = os.pipe()
                stdout, out = os.fdopen(readable), opened.enter_context(os.fdopen(writable, "w"))
            out, err = (opened.enter_context(open(to, "a")) if isinstance(to, Path) else to for to in (out, err))
            ours, theirs = socket.socketpair()
            with theirs:
                fds = [to if isinstance(to, int) else to.fileno() for to in (null, out, err, theirs)]
                with self._lock:
                    message = json.dumps(order).encode() + b"\n"
                    sent = socket.send_fds(self._orders, [message], fds)
                    self._orders.sendall(message[sent:])
                    theirs.close()
                    return ForkedProcess(ours, stdout)

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: Path = ROOT,
        timeout: float | None = None,
        strict: bool = False,
    ) -> Answer:
        """Run ``program`` to its end, at most ``timeout`` seconds."""
        with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
            process = self.start(program, arguments, environment, out, err, cwd=cwd, strict=strict)
            try:
                code = process.wait(timeout)
            except BaseException:
                process.kill()
                raise
            out.seek(0)
            err.seek(0)
            return Answer(code, out.read().decode(), err.read().decode())


_shared: Forks | None = None
_wanted = False
_sharing = threading.Lock()


def share_forks() -> None:
    """Have :func:`shared_forks` return one for this process from now on; :func:`end_sharing` ends it."""
    global _wanted
    _wanted = True


def end_sharing() -> None:
    """End the shared process that forks."""
    global _shared, _wanted
    _wanted = False
    if _shared is not None:
        _shared.close()
        _shared = None


def shared_forks() -> Forks | None:
    """Return the :class:`Forks` that the tests of this process share, or None where programs are measured."""
    global _shared
    with _sharing:
        if _shared is None and _wanted:
            _shared = Forks()
        return _shared


def may_fork(environment: Mapping[str, str]) -> bool:
    """Return whether a program with this environment can be forked: Python itself reads some variables at its start."""
    locale = environment.get("LC_ALL") or environment.get("LANG") or "C.UTF-8"
    if not locale.upper().replace("-", "").endswith("UTF8") or environment.get("PYTHONPATH", str(ROOT)) != str(ROOT):
        return False
    early = {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LD_", "DYLD_"))}
    return all(name == "PYTHONPATH" or os.environ.get(name) == value for name, value in early.items())


def start_program(
    program: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    out: int | IO[Any],
    err: int | IO[Any],
    *,
    cwd: Path,
    strict: bool = False,
) -> Process:
    """Start ``program`` (``museui``, ``hubstub`` or ``daemon``): forked in tests, by ``python -m`` elsewhere."""
    forks = shared_forks()
    if forks is not None and may_fork(environment):
        return forks.start(program, arguments, environment, out, err, cwd=cwd, strict=strict)
    command = [sys.executable, *(["-W", "error"] if strict else []), "-m", program, *arguments]
    return subprocess.Popen(
        command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True
    )


def run_program(
    program: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    cwd: Path,
    timeout: float | None = None,
    strict: bool = False,
) -> Answer:
    """Run ``program`` to its end: forked in tests, by ``python -m`` elsewhere."""
    forks = shared_forks()
    if forks is not None and may_fork(environment):
        return forks.run(program, arguments, environment, cwd=cwd, timeout=timeout, strict=strict)
    command = [sys.executable, *(["-W", "error"] if strict else []), "-m", program, *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def _serve(orders: socket.socket) -> dict[str, Any] | None:
    """Fork a child for each order. Return its order in a child, and None in the parent when there are no more."""
    running: dict[int, socket.socket] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([orders.fileno(), woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            _tell_ended(running)
        if orders.fileno() in ready:
            message, fds, _, _ = socket.recv_fds(orders, _MOST_ORDER_BYTES, 4)
            while message and not message.endswith(b"\n"):
                message += orders.recv(_MOST_ORDER_BYTES)
            if not message:
                break
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for number, opened in enumerate(fds[:3]):
                    os.dup2(opened, number)
                for status in (orders, *running.values()):
                    status.detach()
                os.closerange(_FIRST_OTHER_FD, _LAST_OTHER_FD)
                order: dict[str, Any] = json.loads(message)
                return order
            for opened in fds[:3]:
                os.close(opened)
            running[pid] = socket.socket(fileno=fds[3])
            _tell(running[pid], pid)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    return None


def _tell_ended(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as told:
            _tell(told, os.waitstatus_to_exitcode(status))


def _tell(status: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        status.sendall(b"%d\n" % number)


def _become(order: dict[str, Any]) -> None:
    """Be that program, to its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["cwd"])
    if order["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], resource.RLIM_INFINITY))
    if order["strict"]:
        sys.warnoptions.append("error")
        warnings.simplefilter("error")
    sys.argv = [order["program"], *order["arguments"]]
    if order["program"] == "museui":
        importlib.import_module("museui.cli.main").main()
    from museui.core import failpoints

    failpoints.arm(os.environ.get(failpoints.ENVIRONMENT, ""))
    if order["program"] == "daemon":
        sys.exit(importlib.import_module("daemon.__main__").main())
    sys.exit(importlib.import_module("hubstub.cli.main").run(order["arguments"]))


def _import_programs() -> None:
    for name in _IMPORTED:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(part in module.name for part in _LEFT_OUT):
                importlib.import_module(module.name)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever runs the tests
    _import_programs()
    gc.freeze()
    if (_order := _serve(socket.socket(fileno=int(sys.argv[1])))) is not None:
        _become(_order)
