"""People are told when a repository has not been safe for too long, and once when it is again, over restarts too."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from museui.core.documents import uniform
from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hook import Hook
from tests.helpers.hub import HubProcess
from tests.helpers.watched import make_repository

__all__ = ["daemon"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def configure(daemon: DaemonProcess, text: str) -> None:
    daemon.config.write_text(f"[notify]\n{text}\n" + daemon.config.read_text())
    daemon.client.post("reload")


def change_rows(daemon: DaemonProcess, statement: str, value: float) -> None:
    """Run one statement on the database of a daemon that does not run."""
    with closing(sqlite3.connect(daemon.data / "daemon.db")) as database, database:
        database.execute(statement, (value,))


def age(daemon: DaemonProcess, hours: float) -> None:
    """Stop it, and let every repository have been unsafe for so long."""
    daemon.stop()
    change_rows(daemon, "UPDATE repositories SET unsafe_since = ?", time.time() - 3600 * hours)
    daemon.start()


def deliveries(daemon: DaemonProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.client.get("deliveries")["deliveries"]
    return found


def test_a_repository_that_is_not_safe_for_too_long_is_told_once_and_once_when_it_is_again(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "told")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    told = tmp_path / "told.txt"
    program = tmp_path / "tell.py"
    program.write_text(
        "import os, sys\n"
        "with open(sys.argv[1], 'a') as file:\n"
        "    print(os.environ['MUSEUI_EVENT'], os.environ['MUSEUI_NAME'], os.environ['MUSEUI_REASON'], file=file)\n"
    )
    with Hook(503) as hook:
        command = [sys.executable, str(program), str(told)]
        configure(daemon, f'command = {command}\nwebhook = "http://127.0.0.1:{hook.port}/x"\nwebhook_private = true')
        daemon.follow(lambda state: any(item.state == "stopped" for item in state.queue.values()))
        assert deliveries(daemon) == [], "an hour has not passed"
        age(daemon, 2)
        daemon.wait(
            lambda: {item["kind"]: item["tries"] for item in deliveries(daemon)} == {"command": 1, "webhook": 1}, "news"
        )
        daemon.stop()
        change_rows(daemon, "UPDATE deliveries SET due_at = ?", time.time())
        daemon.start()
        daemon.wait(lambda: all(item["state"] == "done" for item in deliveries(daemon)), "the second try")
        assert daemon.json("daemon", "deliveries", song.root)["deliveries"] == uniform(deliveries(daemon))
        lines = daemon.museui("daemon", "deliveries").stdout.splitlines()
        assert [line.split("\t")[1:] for line in lines] == [
            ["unsafe", str(song.root), "webhook", "127.0.0.1", "done", "status 204 (2 times)"],
            ["unsafe", str(song.root), "command", sys.executable, "done", "exit code 0"],
        ]
        assert [item["event"] for item in deliveries(daemon)] == ["unsafe", "unsafe"]
        daemon.sign_in(hub)
        daemon.wait_safe()
        daemon.wait(lambda: [item["state"] for item in deliveries(daemon)] == ["done"] * 4, "the good news")
        daemon.restart().wait_safe()
        assert [item["event"] for item in deliveries(daemon)] == ["safe", "safe", "unsafe", "unsafe"]
        assert [document["event"] for document in hook.documents] == ["unsafe", "unsafe", "safe"]
        assert hook.documents[0] == hook.documents[1], "the second try is the same"
    lines = told.read_text().splitlines()
    assert [line.split()[:2] for line in lines] == [["unsafe", "told"], ["safe", "told"]]
    assert "token" in lines[0]


def test_nobody_is_told_of_what_is_paused_and_a_webhook_inside_is_refused(
    daemon: DaemonProcess, hub: HubProcess, tmp_path: Path
) -> None:
    song = make_repository(tmp_path, hub, "inside")
    song.commit({"a": b"one"})
    daemon.watch(song.root)
    with Hook() as hook:
        configure(daemon, f'webhook = "https://localhost:{hook.port}/x"')
        daemon.museui("watch", "pause", song.root)
        daemon.follow(lambda state: any(item.state == "paused" for item in state.repositories.values()))
        age(daemon, 2)
        daemon.follow(lambda state: any(item.state == "paused" for item in state.repositories.values()))
        assert deliveries(daemon) == []
        daemon.museui("watch", "resume", song.root)
        (delivery,) = daemon.wait(lambda: [item for item in deliveries(daemon) if item["tries"]], "a delivery")
        assert delivery["state"] == "failed" and "no public address" in delivery["answer"]
        assert delivery["target"] == "localhost"
        assert hook.documents == []
