"""The demo in a real terminal: a hub, a daemon and pushes to look at, and nothing of it left, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from museui.local.client import LocalClient
from tests.helpers.hub import ROOT
from tests.helpers.tmux import LEFT, Terminal

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(shutil.which("tmux") is None and not os.environ.get("CI"), reason="tmux is not installed"),
]
_PATIENCE_S = 60.0


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[Terminal]:
    """``museui demo`` in a terminal, its temporary folders in ``folder``."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    with Terminal(" ".join([sys.executable, "-m", "museui", *options]), environment) as terminal:
        yield terminal


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A short folder, since a socket goes into it."""
    path = Path("/tmp") / f"md-{os.getpid()}-{time.monotonic_ns() % 100_000}"
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


def processes(folder: Path) -> dict[int, str]:
    """The processes that have ``folder`` on their command line, but for the terminal's shell."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 1) for line in listed.splitlines()[1:]]
    return {int(pid): args for pid, args in lines if f"{folder}/museui-" in args}


def daemon_pid(folder: Path) -> int:
    """The demo's daemon."""
    (place,) = folder.glob("museui-*")
    return int(LocalClient(str(place / "run" / "museui" / "daemon.sock")).get("version")["pid"])


def wait_until_nothing_is_left(folder: Path, pid: int) -> None:
    """Neither folder, nor daemon, nor stage, nor hub."""
    deadline = time.monotonic() + _PATIENCE_S
    while list(folder.glob("museui-*")) or processes(folder) or Path(f"/proc/{pid}").exists():
        left = (list(folder.glob("museui-*")), processes(folder), pid)
        assert time.monotonic() < deadline, f"this was left: {left}"
        time.sleep(0.05)


def test_the_demo_shows_pushes_a_conflict_and_an_offline_spell_and_leaves_nothing(folder: Path) -> None:
    with demo(folder, "demo", "--pace", "0.4") as terminal:
        terminal.sees("all of it is temporary", "Push 1")
        terminal.sees("⇅ duet", "diverged", "✗ 1 needs you", "museui fetch")
        terminal.sees("○ gone", "queued", "cannot reach")
        terminal.sees("the hub is back", "✓ all")
        pid, before = daemon_pid(folder), processes(folder)
        assert len(before) == 2, before
        os.kill(pid, signal.SIGKILL)
        terminal.sees("daemon ○ gone")
        terminal.press("r")
        terminal.sees("daemon ●")
        pid = daemon_pid(folder)
        terminal.press("C-c")
        terminal.sees(f"{LEFT} 0")
        assert not list(folder.glob("museui-*")) and not processes(folder)
        wait_until_nothing_is_left(folder, pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_killed_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    with demo(folder, "demo", "--pace", "3600") as terminal:
        terminal.sees("all of it is temporary")
        pid = daemon_pid(folder)
        (stage,) = (pid for pid, args in processes(folder).items() if "museui.demo.stage" in args)
        shown = subprocess.run(["ps", "-o", "ppid=", "-p", str(stage)], capture_output=True, text=True, check=True)
        os.kill(int(shown.stdout), number)
        terminal.sees(f"{LEFT} {128 + number}")
        wait_until_nothing_is_left(folder, pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stage_that_is_ended_ends_the_demo_which_says_so_and_leaves_nothing(
    folder: Path, number: signal.Signals
) -> None:
    with demo(folder, "demo", "--pace", "3600") as terminal:
        terminal.sees("all of it is temporary")
        pid = daemon_pid(folder)
        (stage,) = (pid for pid, args in processes(folder).items() if "museui.demo.stage" in args)
        os.kill(stage, number)
        terminal.sees(f"{LEFT} 1", "the demo's stage has ended")
        wait_until_nothing_is_left(folder, pid)


def test_the_first_screen_opens_the_demo_and_is_there_again_afterwards(folder: Path) -> None:
    with demo(folder) as terminal:
        try:
            terminal.sees("Welcome to MuseUI", "Try the demo")
            terminal.press("m")
            terminal.sees("all of it is temporary")
            pid = daemon_pid(folder)
            terminal.press("m")
            terminal.sees("this is the demo")
            terminal.press("q")
            terminal.sees("Welcome to MuseUI")
            wait_until_nothing_is_left(folder, pid)
            terminal.press("C-c")
            terminal.sees(f"{LEFT} 0")
        finally:
            LocalClient(str(folder / ".local/share/museui/run/daemon.sock")).post("stop")


def test_the_stage_takes_no_folder_that_is_not_a_demos(tmp_path: Path) -> None:
    (tmp_path / "song").write_text("mine")
    command = (sys.executable, "-m", "museui.demo.stage", str(tmp_path), "1")
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["song"]
