"""Every ``museui`` verb that has ``--json``, run for real in this process; what each printed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from museui.cli.main import run
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess

_LEAVE_A_PROCESS = ("daemon start", "daemon restart")
"""Verbs whose daemon outlives them: run here, it would stay a child of ours."""


class Printed(NamedTuple):
    """The exit code and the document of one run."""

    code: int
    document: Any


class Recorder:
    """Run verbs and keep what they print, by the verb's name, such as ``remote add``."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.printed: dict[str, list[Printed]] = defaultdict(list)
        self._environment = environment
        self._folder = folder

    def run(self, verb: str, *arguments: str, expect: int = 0, at: str = ".", stdin: str = "") -> Any:
        """Run the verb with ``--json`` in a folder below ours, which must end with ``expect``; its document."""
        words = ["-C", str(self._folder / at), *verb.split(), *arguments, "--json"]
        code, out, err = (self._apart if verb in _LEAVE_A_PROCESS else self._here)(words, stdin)
        assert code == expect, f"{words}: exit {code}, not {expect}\n{out}\n{err}"
        (line,) = out.splitlines()
        document = json.loads(line)
        self.printed[verb].append(Printed(code, document))
        return document

    def _here(self, words: list[str], stdin: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        source = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        with (
            mock.patch.dict(os.environ, self._environment, clear=True),
            mock.patch.object(sys, "stdin", source),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = run(words)
        return code, out.getvalue(), err.getvalue()

    def _apart(self, words: list[str], stdin: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "museui", *words]
        done = subprocess.run(
            command, env=dict(self._environment), input=stdin, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr


def record(folder: Path) -> dict[str, list[Printed]]:
    """Return what every verb printed; ``folder`` is empty and stays behind."""
    with HubProcess() as hub, _daemon() as daemon:
        recorder = Recorder(daemon.environment, folder)
        _local_verbs(recorder, folder)
        _hub_verbs(recorder, hub, folder)
        _daemon_verbs(recorder, daemon, folder)
        recorder.run("demo", "--summary")
        recorder.run("bench", "--hub", hub.url, "--size", "small", "--rounds", "1", "--in-flight", "1")
    return dict(recorder.printed)


@contextmanager
def _daemon() -> Iterator[DaemonProcess]:
    """A home folder of whose daemon nothing runs yet."""
    daemon = DaemonProcess()
    try:
        yield daemon
    finally:
        daemon.close()


def _local_verbs(recorder: Recorder, folder: Path) -> None:
    run = recorder.run
    run("init", "song")
    song = folder / "song"
    for name in ("a", "b"):
        (song / name).write_text(name)
    run("status", at="song")
    run("keys generate")
    run("keys show")
    run("snapshot", "-m", "one", at="song")
    run("snapshot", "-m", "again", at="song")
    (song / "c").write_text("c")
    os.mkfifo(song / "pipe")
    run("snapshot", "-m", "two", at="song")
    run("untrack", "c", at="song")
    run("branch", "take-2", at="song")
    run("log", at="song")
    run("verify", at="song")
    run("repair", at="song")
    run("config author", at="song")
    run("config author", "Ada", at="song")
    run("config path")
    run("config show")
    run("config validate")
    (folder / "bad.toml").write_text("[daemon]\nno = 1\n")
    run("config validate", "bad.toml", expect=2)
    run("completion", "bash")
    run("remote list", at="song")
    run("init", "song")
    run("push", at="song", expect=2)
    run("no-such-verb", expect=2)


def _hub_verbs(recorder: Recorder, hub: HubProcess, folder: Path) -> None:
    run = recorder.run
    run("login", hub.url, stdin=hub.token)
    run("keys enrol", hub.url)
    run("remote add", "origin", hub.repository("song"), at="song")
    run("remote add", "gone", hub.repository("other"), at="song")
    run("remote list", at="song")
    run("remote remove", "gone", at="song")
    run("doctor", at="song")
    run("push", "--dry-run", at="song")
    run("push", at="song")
    run("push", at="song")
    run("push", "--all-branches", at="song")
    run("push", "--tags", at="song")
    run("status", at="song")
    run("fetch", at="song")
    run("pull", at="song")
    run("clone", hub.repository("song"), "copy")
    run("status", at="copy")
    run("push", "--delete", "main", at="song")
    run("push", "--delete", "main", "--delete", "nothing", at="song", expect=1)
    run("fetch", at="song")
    run("push", "--branch", "main", at="song")
    run("push", "--remote", hub.repository("song", "nobody"), at="song", expect=1)


def _daemon_verbs(recorder: Recorder, daemon: DaemonProcess, folder: Path) -> None:
    run = recorder.run
    run("daemon status", expect=1)
    run("daemon start")
    run("daemon start")
    run("daemon status")
    run("watch add", "song")
    run("watch list")
    daemon.wait_safe(folder / "song")
    run("status", at="song")
    run("watch pause", "song", "--for", "1h")
    run("watch pause", "song")
    (folder / "song" / "d").write_text("d")
    run("snapshot", "-m", "three", at="song")
    daemon.wait(lambda: daemon.client.get("queue")["queue"], "an entry of the queue")
    run("queue list")
    run("status", at="song", expect=1)
    run("queue cancel", "song")
    run("queue retry", "song")
    run("queue retry")
    run("watch resume", "song")
    daemon.wait_safe(folder / "song")
    run("push", at="song")
    run("doctor", at="song")
    run("history")
    run("history", "--usual")
    run("daemon deliveries")
    run("daemon logs")
    run("watch remove", "song")
    run("daemon restart")
    run("daemon stop")
    run("daemon stop")
    run("daemon install", "--no-start", "--kind", "launchd")
    run("daemon uninstall", "--kind", "launchd")
