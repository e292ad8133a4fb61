"""What the real program reads from a terminal and writes to it: the mouse, and the clipboard (OSC 52)."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.api.server import Request
from museui.tui.actions import actions_of, footer_actions, show_keys
from tests.helpers.hub import ROOT
from tests.helpers.pty_terminal import PtyTerminal
from tests.helpers.scripted_daemon import ScriptedDaemon
from tests.helpers.views import entry, push, repository

REPOSITORIES = [repository(f"take-{number:03}") for number in range(100)]
DOWN = b"\x1b[B"
_PATIENCE_S = 60.0
COPIED = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07")


@pytest.fixture(scope="module")
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        scripted.answers["GET usual"] = {"usual": {}}
        scripted.show("repositories", *REPOSITORIES)
        scripted.show("queue", entry("take-050"))
        scripted.show("history", push(7, "take-002"))
        yield scripted


@pytest.fixture
def terminal(daemon: ScriptedDaemon) -> Iterator[PtyTerminal]:
    runtime = daemon.folder / "museui"
    if not runtime.is_symlink():
        runtime.symlink_to(daemon.path.parent)
    variables = {"HOME": str(daemon.folder), "XDG_RUNTIME_DIR": str(daemon.folder), "PYTHONPATH": str(ROOT)}
    program = (sys.executable, "-W", "error", "-m", "museui")
    with PtyTerminal(program, {"PATH": os.environ["PATH"], **variables}) as opened:
        opened.until_painted("✓ all 100 safe", "take-000")
        yield opened


def mouse(button: int, column: int, line: int) -> bytes:
    """What a terminal sends for a click, or a turn of the wheel (64 up, 65 down); places begin with 1."""
    return b"\x1b[<%d;%d;%dM\x1b[<%d;%d;%dm" % (button, column, line, button, column, line)


def wheel(column: int, line: int) -> bytes:
    return b"\x1b[<65;%d;%dM" % (column, line)


def test_the_mouse_goes_where_the_keys_go(terminal: PtyTerminal) -> None:
    terminal.press(mouse(0, 5, 5))
    terminal.until_painted("take-002   main → origin")
    terminal.press(wheel(5, 10) * 5)
    terminal.until_painted("take-033")
    titles = "╭─ Queue  History  Log"
    terminal.press(mouse(0, 37 + titles.index("History"), 13))
    terminal.until_painted("1.0 MiB")
    terminal.press(mouse(0, 37 + titles.index("Queue"), 13))
    terminal.until_painted("take-050", "next try")
    footer = "  ".join(
        f"{show_keys(a.keys.partition(',')[0])} {a.label}" for a in footer_actions(actions_of("dashboard"), 122)
    )
    terminal.press(mouse(0, 2 + footer.index("help"), 36))
    terminal.until_painted("Everywhere")


def test_a_second_click_opens_the_row(terminal: PtyTerminal) -> None:
    terminal.press(mouse(0, 5, 5))
    terminal.until_painted("take-002   main → origin")
    terminal.press(mouse(0, 5, 5) * 2)
    terminal.until_painted("Push 7 of take-002 is on the hub")


def test_what_is_copied_goes_to_the_terminal_s_clipboard(terminal: PtyTerminal) -> None:
    terminal.press(b"y")
    terminal.until_painted("copied")
    (copied,) = COPIED.findall(terminal.painted)
    assert base64.b64decode(copied).decode().startswith("take-000   main → origin   hub.local/ada/take-000\n")


def test_a_terminal_that_is_taken_away_ends_the_program(terminal: PtyTerminal) -> None:
    assert terminal.hang_up() in (128 + signal.SIGHUP, 120), "120 is Python's: what it would still paint went nowhere"


def test_a_terminal_that_is_taken_away_while_much_waits_to_be_painted_ends_the_program(terminal: PtyTerminal) -> None:
    terminal.write(DOWN * 300 + b"q")
    assert terminal.hang_up() in (0, 128 + signal.SIGHUP, 120)


def test_who_leaves_waits_for_no_answer(daemon: ScriptedDaemon, terminal: PtyTerminal) -> None:
    asked = threading.Event()

    async def answer(request: Request) -> dict[str, Any]:
        asked.set()
        await asyncio.Event().wait()
        return {}

    daemon.answers["GET usual"] = answer
    terminal.write(b"H")
    assert asked.wait(_PATIENCE_S)
    terminal.write(b"q")
    assert terminal.until_ended() == 0
