"""The real programs in a real terminal: from an empty home folder to a safe repository, and a hub that breaks."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.tmux import LEFT, Terminal
from tests.helpers.watched import heads, make_repository

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(shutil.which("tmux") is None and not os.environ.get("CI"), reason="tmux is not installed"),
]


def test_a_repository_is_added_pushed_retried_after_a_hub_was_gone_and_left_safe() -> None:
    with HubProcess() as hub:
        home = DaemonProcess()  # not started: the terminal interface does that
        try:
            home.sign_in(hub)
            song = make_repository(home.home, hub, "song")
            first = song.commit({"a": b"one"})
            command = f"{sys.executable} -m museui"
            with Terminal(command, home.environment) as terminal:
                terminal.sees("Welcome to MuseUI")
                terminal.press("a")
                terminal.sees("song")
                follow_the_push(terminal, home, hub, first, song.root)
                hub.stop()
                second = song.commit({"a": b"two"})
                terminal.sees("○ gone", "1 queued", "cannot reach")
                hub.start()
                terminal.press("r")
                terminal.sees("all safe", f":{hub.port} ●")
                assert heads(hub, "song") == {"main": second}
                terminal.press("q")
                terminal.sees(f"{LEFT} 0")
            home.client.get("version")  # the daemon goes on
        finally:
            home.museui("daemon", "stop", expect=None)
            home.close()


def follow_the_push(terminal: Terminal, home: DaemonProcess, hub: HubProcess, head: str, root: Path) -> None:
    """Add what was found, and see that it arrived."""
    terminal.press("Space")
    home.wait(lambda: str(root) in home.museui("watch", "list").stdout, "the repository")
    terminal.press("Escape")
    terminal.sees("all safe", "Push 1")
    assert heads(hub, "song") == {"main": head}
