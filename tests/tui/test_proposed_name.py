"""A folder whose name cannot be a repository's: the person reads why another name is proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.local.messages import FoundView, Trouble, encode
from museui.tui.view.repository_search import describe_found
from tests.helpers.scripted_daemon import ScriptedDaemon
from tests.helpers.tui import open_screen

NOTE = "The folder's name has no letter or digit that a repository's name may have, so this one is made up."
TROUBLE = Trouble("usage", "there is no remote 'origin'", "Add one: museui remote add origin URL")


async def test_why_a_name_is_made_up_is_said_before_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    url = "https://hub.local/ada/repository-123456"
    item = FoundView(f"{tmp_path}/夜の歌", None, None, TROUBLE, url, NOTE)
    assert describe_found(item, False, None).lines[-1] == ("", NOTE)
    with ScriptedDaemon() as daemon:
        daemon.answers["GET found"] = [
            {"event": "found", "repository": encode(item)},
            {"event": "end", "folders": 9, "unreadable": 0, "complete": True},
        ]
        async with open_screen(daemon, (80, 24)) as screen:
            await screen.press("a")
            await screen.sees("It has no remote yet", "no letter or digit that a")
            await screen.press("space")
            await screen.sees("Where to push 夜の歌", url, "no letter or digit that a")
