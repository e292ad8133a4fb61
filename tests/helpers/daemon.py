"""A real daemon in a process of its own, with a home folder of its own: started, asked, killed, started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from museui.core.errors import MuseError
from museui.local.client import LocalClient
from museui.local.messages import QueueView, RepositoryView
from museui.local.state import State
from tests.helpers.forks import Process, run_program, start_program
from tests.helpers.hub import ROOT, HubProcess

_PATIENCE_S = 60.0


class DaemonProcess:
    """``python -m daemon`` and a home folder; a context manager that starts it and leaves neither.

    ``prefix`` is a command line that the daemon's is appended to. ``folder``: where the home folder is made, which must
    be a short path, since the socket is in it.
    """

    def __init__(self, *, failpoint: str = "", prefix: tuple[str, ...] = (), folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="md-"))
        self.home = self.folder / "home"
        self.runtime = self.folder / "run"
        for folder in (self.home, self.runtime):
            folder.mkdir()
        self.failpoint = failpoint
        self.prefix = prefix
        self.variables: dict[str, str] = {}
        """What is in its environment besides."""
        self.config = self.home / ".config" / "museui" / "config.toml"
        self.data = self.home / ".local" / "share" / "museui"
        self.socket = self.runtime / "museui" / "daemon.sock"
        self.client = LocalClient(str(self.socket))
        self._process: Process | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What it and the command line find it by."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        return kept | {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PYTHONPATH": str(ROOT),
            "USER": "ada",
            "MUSEUI_FAILPOINT": self.failpoint,
            **self.variables,
        }

    @property
    def pid(self) -> int:
        """Its process, which must run."""
        assert self._process
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has said to stderr over all starts."""
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def sign_in(self, hub: HubProcess, token: str | None = None, *, port: int | None = None) -> None:
        """Put the owner's token, or another, where the daemon finds it; ``port`` when the hub goes by another."""
        path = self.home / ".muse" / "identity.toml"
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".new")
        partial.write_text(f'["127.0.0.1:{port or hub.port}"]\nname = "{hub.owner}"\ntoken = "{token or hub.token}"\n')
        partial.chmod(0o600)
        partial.rename(path)

    def start(self, *, wait: bool = True) -> Self:
        """Start it and wait until it answers."""
        assert self._process is None, "it runs already"
        with (self.folder / "stderr").open("a") as log:
            if self.prefix:
                command = [*self.prefix, sys.executable, "-W", "error", "-m", "daemon"]
                self._process = subprocess.Popen(
                    command,
                    cwd=self.home,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    text=True,
                )
            else:
                self._process = start_program("daemon", [], self.environment, log, log, cwd=self.home, strict=True)
        if wait:
            self.wait(self._answers, "an answer")
        return self

    def _answers(self) -> bool:
        assert self._process and self._process.poll() is None, self.log
        try:
            self.client.get("version")
        except MuseError:
            return False
        return True

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """What ``condition`` gives once it gives something."""
        deadline = time.monotonic() + _PATIENCE_S
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{what} never came:\n{self.log}"
            time.sleep(0.01)
        return value

    def watch(self, *paths: Path, **settings: Any) -> dict[str, Any]:
        """Have it look after repositories; the view of the last."""
        for path in paths:
            answer = self.client.post("repositories", {"path": str(path), **settings})
        view: dict[str, Any] = answer["repository"]
        return view

    def follow(self, condition: Callable[[State], Any]) -> Any:
        """Read the event stream until ``condition`` gives something for the state; that."""
        state = State()
        deadline = time.monotonic() + _PATIENCE_S
        for event in self.client.stream("GET", "events"):
            state.apply(event)
            if value := condition(state):
                return value
            assert time.monotonic() < deadline, f"it never came:\n{state}\n{self.log}"
        raise AssertionError(f"the daemon ended its events:\n{self.log}")

    def wait_failed(self) -> QueueView:
        """Wait for an entry of the queue whose push failed and that is not being pushed again; that entry."""
        entry: QueueView = self.follow(
            lambda state: next((e for e in state.queue.values() if e.tries and e.state != "pushing"), None)
        )
        return entry

    def wait_safe(self, *paths: Path) -> None:
        """Return once every branch of these repositories (default: all), as it is on disk now, is safe."""
        wanted = {str(path) for path in paths}

        def all_safe(state: State) -> bool:
            views = [view for view in state.repositories.values() if not wanted or view.path in wanted]
            return len(views) >= max(1, len(wanted)) and all(is_safe_now(view) for view in views)

        self.follow(all_safe)

    def stop(self) -> int:
        """Stop it (SIGTERM); its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Kill it (SIGKILL)."""
        return self._end(signal.SIGKILL)

    def wait_ended(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return self._end(None)

    def restart(self, *, failpoint: str = "") -> Self:
        """Stop it if it runs, and start it."""
        if self._process is not None:
            self.stop()
        self.failpoint = failpoint
        return self.start()

    @property
    def litter(self) -> list[str]:
        """What pushes have left in the cache folder, but for what they remember of lines."""
        cache = self.home / ".cache"
        return [str(path) for path in cache.rglob("*") if path.is_file() and path.name != "lines.json"]

    def museui(
        self, *arguments: str | Path, expect: int | None = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line with this home folder."""
        environment = {**self.environment, **variables}
        words = [*map(str, arguments)]
        done = run_program("museui", words, environment, cwd=self.folder, timeout=_PATIENCE_S, strict=True)
        assert expect is None or done.code == expect, f"exit {done.code}:\n{done.out}\n{done.err}"
        return subprocess.CompletedProcess(words, done.code, done.out, done.err)

    def json(self, *arguments: str | Path, expect: int = 0, **variables: str) -> Any:
        """The document of a command run with ``--json``."""
        return json.loads(self.museui(*arguments, "--json", expect=expect, **variables).stdout)

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
        """Leave nothing."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: signal.Signals | None) -> int:
        assert self._process is not None, "it does not run"
        process, self._process = self._process, None
        if number is not None:
            process.send_signal(number)
        try:
            return process.wait(_PATIENCE_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def is_safe_now(view: RepositoryView) -> bool:
    """Whether the branches that lie in the repository are those that are safe."""
    folder = Path(view.path, ".muse", "refs", "heads")
    there = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    wanted = {name: head for name, head in there.items() if any(fnmatchcase(name, p) for p in view.watched_branches)}
    return view.state == "safe" and {branch.branch: branch.head for branch in view.branches} == wanted


def without_watches() -> tuple[str, ...]:
    """A command line (:class:`DaemonProcess` ``prefix``) under which the system has next to no watches left."""
    script = 'echo 2 >/proc/sys/user/max_inotify_watches; exec "$@"'
    few = ("unshare", "--user", "--map-root-user", "sh", "-c", script, "-")
    if subprocess.run([*few, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody make a user namespace")
    return few


@pytest.fixture
def daemon() -> Iterator[DaemonProcess]:
    """A fresh daemon that runs. Import it into a test module to use it."""
    with DaemonProcess() as process:
        yield process
