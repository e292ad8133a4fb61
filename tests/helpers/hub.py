"""A real hub in a process of its own, for tests: started on an empty folder, stopped, killed, started again."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from hubstub.cli.main import run
from tests.helpers.forks import Process, run_program, start_program

ROOT = Path(__file__).resolve().parents[2]
_START_S = 60.0
_STOP_S = 60.0


def hub_command(*arguments: str | Path, expect: int = 0, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``museui hub`` with ``arguments`` to its end, which must be the exit code ``expect``."""
    environment = {**os.environ, "MUSEUI_FAILPOINT": failpoint}
    done = run_program("hubstub", [*map(str, arguments)], environment, cwd=ROOT, timeout=_START_S)
    assert done.code == expect, f"exit {done.code}, not {expect}:\n{done.out}\n{done.err}"
    return subprocess.CompletedProcess(arguments, done.code, done.out, done.err)


def _run_here(arguments: list[str]) -> str:
    """What the hub's command line says to stdout when it runs in this process."""
    out, err, mask = io.StringIO(), io.StringIO(), os.umask(0o077)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run(arguments)
    finally:
        os.umask(mask)
    assert code == 0, f"exit {code}:\n{out.getvalue()}\n{err.getvalue()}"
    return out.getvalue()


def write_database(data_dir: Path, url: str) -> None:
    """Say in ``hub.toml`` that the hub's database is on PostgreSQL."""
    data_dir.mkdir(mode=0o700, exist_ok=True)
    (data_dir / "hub.toml").write_text(f'[database]\nurl = "{url}"\n')
    (data_dir / "hub.toml").chmod(0o600)


class HubProcess:
    """``museui hub serve`` on a folder; a context manager that starts it and leaves neither process nor folder.

    ``options`` go to ``serve`` as they are.  ``environment`` adds to ours; ``failpoint`` arms one place.
    ``database``: the address of a PostgreSQL database, which goes into ``hub.toml``, where every command finds it.
    """

    def __init__(
        self,
        *options: str,
        owner: str = "ada",
        data_dir: Path | None = None,
        failpoint: str = "",
        environment: Mapping[str, str] | None = None,
        database: str | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="museui-hub-") if data_dir is None else None
        self.data_dir = data_dir or Path(self._temporary.name if self._temporary else "") / "hub"
        self.log_path = self.data_dir.with_name(self.data_dir.name + ".log")
        self.options = options
        self.owner = owner
        self.failpoint = failpoint
        self.environment = dict(environment or {})
        self.database = database
        self.url = ""
        self.token = ""
        """The owner's first token; stays when the hub is started again."""
        self.ready: dict[str, Any] = {}
        """What the last start printed."""
        self._process: Process | None = None

    keeps_connections = True
    """Whether requests of one client may share a connection."""

    @property
    def processes(self) -> tuple[HubProcess, ...]:
        """All that make up this hub."""
        return (self,)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """The process id. The hub must run."""
        assert self._process is not None
        return self._process.pid

    @property
    def headers(self) -> dict[str, str]:
        """The owner's ``Authorization``."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def log(self) -> str:
        """Everything it has written to stderr, over all starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_for_log(self, text: str) -> None:
        """Return once ``text`` is in the log, which is written after an answer has gone out."""
        deadline = time.monotonic() + _START_S
        while text not in self.log:
            assert time.monotonic() < deadline, f"{text!r} never came:\n{self.log}"
            time.sleep(0.01)

    def repository(self, slug: str = "song", owner: str | None = None) -> str:
        """The URL of a repository, which need not exist."""
        return f"{self.url}/{owner or self.owner}/{slug}"

    def start(self) -> Self:
        """Start it and wait until it accepts connections; on its former port when it had one."""
        assert self._process is None, "it runs already"
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if self.database:
            write_database(self.data_dir, self.database)
        port = self.port if self.url else 0
        arguments = ["serve", "--json", "--data", str(self.data_dir), "--port", str(port), "--owner", self.owner]
        environment = {**os.environ, **self.environment, "MUSEUI_FAILPOINT": self.failpoint}
        with self.log_path.open("a") as log:
            self._process = start_program(
                "hubstub", [*arguments, *self.options], environment, subprocess.PIPE, log, cwd=ROOT
            )
        line = self._read_line()
        self.ready = json.loads(line or "{}")
        if "url" not in self.ready:
            self.kill()
            raise AssertionError(f"the hub did not start: {line}\n{self.log}")
        self.url = self.ready["url"]
        self.token = self.ready["token"] or self.token
        return self

    def stop(self) -> int:
        """Stop it as a person would (SIGTERM) and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Kill it as a power cut would (SIGKILL)."""
        return self._end(signal.SIGKILL)

    def wait_killed(self) -> int:
        """Wait until a failpoint has killed it."""
        return self._end(None)

    def restart(self, *, failpoint: str = "") -> Self:
        """Stop it if it runs, and start it again on the same port."""
        if self._process is not None:
            self.stop()
        self.failpoint = failpoint
        return self.start()

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def command(self, *arguments: str, expect: int = 0) -> str:
        """Run ``museui hub <arguments> --data <this hub's folder>``; its stdout without surrounding space."""
        return hub_command(*arguments, "--data", self.data_dir, expect=expect).stdout.strip()

    def command_here(self, *arguments: str) -> str:
        """As :meth:`command`, in this process: to start another takes longer than most commands."""
        with ThreadPoolExecutor(1) as one:  # a thread has no event loop yet
            return one.submit(_run_here, [*arguments, "--data", str(self.data_dir)]).result().strip()

    def new_user(self, name: str, *token_options: str) -> str:
        """Add a user; their token."""
        self.command("user", "create", name)
        return self.command("token", "create", name, *token_options)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave nothing: neither the process nor a temporary folder."""
        if self._process is not None:
            self.kill()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _read_line(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _START_S)
        return self._process.stdout.readline() if ready else ""

    def _end(self, number: signal.Signals | None) -> int:
        assert self._process is not None, "it does not run"
        process, self._process = self._process, None
        if number is not None:
            process.send_signal(number)
        try:
            return process.wait(_STOP_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    """A fresh hub of ``ada``'s. Import it into a test module to use it."""
    with HubProcess() as process:
        yield process
