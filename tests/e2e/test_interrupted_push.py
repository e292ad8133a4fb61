"""A push that a person interrupts ends soon, says so, and leaves nothing that the next one would trip over."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from museui.core.phases import PhaseEvent, PhaseProgressed
from museui.hub.client import HubClient
from museui.hub.url import parse_repository_url
from museui.repo.repository import Repository
from museui.sync.push import Push
from museui.sync.push_request import Environment, PushRequest
from tests.helpers.hub import ROOT, HubProcess
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder


async def test_packing_stops_at_the_next_object_when_the_push_is_cancelled(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    for number in range(40):
        builder.commit({f"{n}.txt": b"%d of %d" % (n, number) for n in range(10)})
    repository, ticks = Repository.open(builder.root), count()
    loop, called_off, heard = asyncio.get_running_loop(), threading.Event(), list[PhaseEvent]()

    def listen(event: PhaseEvent) -> None:
        if isinstance(event, PhaseProgressed) and event.unit == "objects":
            heard.append(event)
            if len(heard) == 1:

                def call_off() -> None:
                    task.cancel()
                    loop.call_later(0.05, called_off.set)

                loop.call_soon_threadsafe(call_off)
                called_off.wait(10)

    with HubProcess() as hub:
        async with HubClient(parse_repository_url(hub.repository()), hub.token) as client:
            request = PushRequest(branch="main", head=repository.branches()["main"], strategy="bundle")
            environment = Environment(kept_bundles=tmp_path / "spool", clock=lambda: float(next(ticks)))
            task = asyncio.create_task(Push(repository, client, request, environment, listen).run())
            with pytest.raises(asyncio.CancelledError):
                await task
        assert len(heard) == 1, "work went on after it was called off"
        assert list((tmp_path / "spool").iterdir()) == []


def test_ctrl_c_is_exit_130(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    builder.commit({"a": b"a"})
    with HubProcess() as hub:
        command = [sys.executable, "-m", "museui", "push", str(builder.root), "--remote", hub.repository()]
        hub_stopped = subprocess.run(["kill", "-STOP", str(hub.pid)], check=True)
        assert hub_stopped.returncode == 0
        try:
            environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MUSEUI_TOKEN": hub.token}
            with subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as push:
                lock = tmp_path / ".cache/museui/spool"
                while not (lock.is_dir() and any(lock.iterdir())):
                    assert push.poll() is None
                push.send_signal(signal.SIGINT)
                out, err = push.communicate(timeout=30)
        finally:
            subprocess.run(["kill", "-CONT", str(hub.pid)], check=True)
    assert (push.returncode, out) == (130, "")
    assert "interrupted" in err and "Traceback" not in err
    assert not any(lock.iterdir())


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupt_while_a_large_file_is_packed_is_one_sentence(museui: Museui, tmp_path: Path, number: str) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    builder.commit({"take.wav": random.Random(7).randbytes(24 << 20)})
    with HubProcess() as hub:
        push = ("push", builder.root, "--remote", hub.repository(), "--strategy", "bundle")
        answer = museui(*push, MUSEUI_TOKEN=hub.token, MUSEUI_FAILPOINT=f"push.packing:2:{number}")
        assert (answer.code, answer.out, answer.err.strip()) == (130, "", "error: interrupted")
        # Packing may have ended before the interrupt was heard: then the whole bundle is kept, and never half of one.
        kept = {path.suffix for path in (tmp_path / "home/.cache/museui/spool").iterdir()}
        assert kept in (set(), {".lock", ".bundle", ".json"})
        assert museui(*push, MUSEUI_TOKEN=hub.token).code == 0


def test_a_snapshot_that_is_interrupted_when_its_branch_is_written_says_what_it_made(
    museui: Museui, tmp_path: Path
) -> None:
    museui("init", "song")
    root = tmp_path / "song"
    (root / "verse.txt").write_text("la")
    snapshot = ("-C", root, "snapshot", "-m", "one")
    answer = museui(*snapshot, MUSEUI_FAILPOINT="snapshot.objects_written:1:SIGINT")
    assert (answer.code, answer.out, answer.err.strip()) == (130, "", "error: interrupted")
    assert museui("-C", root, "status").out.startswith("no commits yet")
    answer = museui(*snapshot, MUSEUI_FAILPOINT="snapshot.branch_written:1:SIGINT")
    assert answer.code == 0 and answer.err.startswith("[main ") and "interrupted" not in answer.err
    assert Repository.open(root).branches()["main"][:12] in answer.err
