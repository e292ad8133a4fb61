"""Screens in states that real programs are hard to bring into, against pictures.

``MUSEUI_WRITE_PICTURES=1 python -m pytest tests/tui/test_pictures.py`` makes the pictures anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from museui.core.errors import Busy
from museui.local.messages import Check, LogLine, encode
from tests.helpers.hub import ROOT
from tests.helpers.picture import EDGES, TEXT, check_picture, find_difference, read_text, take_picture
from tests.helpers.scripted_daemon import NOW, ScriptedDaemon
from tests.helpers.tui import open_screen
from tests.helpers.views import FORBIDDEN, GONE, branch, entry, hub, push, repository

PICTURES = Path(__file__).parent / "pictures"
LONG = "a-song-whose-name-goes-on-and-on-until-nobody-can-remember-how-it-began"


def show_long_names(daemon: ScriptedDaemon) -> None:
    """Everything that can be long is."""
    base = f"https://{LONG}.example.org:8750/hub"
    names = (LONG, "日本語の曲" * 6, "[red]x\x1b[31m\u202ey")
    branches = (branch("diverged", branch=f"takes/{LONG}", ahead=12_345, behind=67_890),)
    daemon.show("hubs", hub(base, user=LONG), key="base")
    daemon.show(
        "repositories",
        *(repository(name, url=f"{base}/ada/{name}", current_branch=f"takes/{LONG}") for name in names),
        repository("song", "waiting", branches=branches),
    )
    daemon.show("queue", entry(LONG, "stopped", branch=f"takes/{LONG}", commits=12_345, error=FORBIDDEN))
    daemon.show("history", push(1, LONG), push(2, names[1], "failed", error=GONE, tries=2000))
    daemon.answers["GET hubs/storage"] = Busy("the hub is busy", hint="Later.")
    daemon.show("log", LogLine(1, NOW, "warning", f"{LONG}: {LONG}"))


def show_much(daemon: ScriptedDaemon) -> None:
    """Five hundred repositories and ten thousand pushes."""
    daemon.show("repositories", *(repository(f"song-{number:03}") for number in range(500)))

    def answer(request: Any) -> dict[str, Any]:
        before = int(request.query.get("before", 10_001))
        numbers = range(before - 1, max(0, before - 1 - int(request.query["limit"])), -1)
        return {"pushes": [encode(push(n, f"song-{n % 500:03}", total_seconds=0.3 + n % 7 / 10)) for n in numbers]}

    daemon.answers["GET pushes"] = answer
    daemon.answers["GET usual"] = {"usual": {}}


def show_wrong(daemon: ScriptedDaemon) -> None:
    """A doctor that finds something everywhere."""
    hint = "Raise fs.inotify.max_user_watches: sysctl fs.inotify.max_user_watches=524288"
    checks = [Check(name, False, f"something is wrong with the {name}", hint) for name in ("watching", "disk", LONG)]
    daemon.show("repositories", repository("song"))
    daemon.answers["GET doctor"] = {"checks": [encode(check) for check in checks]}


@pytest.fixture
def a_fixed_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Colours, and the clock of Greenwich."""
    with monkeypatch.context() as changed:
        changed.delenv("NO_COLOR", raising=False)
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


PICTURED = {
    "long-names": (show_long_names, "", ("diverged",)),
    "long-names-queue": (show_long_names, "3", ("press r",)),
    "long-names-history": (show_long_names, "4", ("日本語",)),
    "long-names-hub": (show_long_names, "b", ("the hub is busy",)),
    "much": (show_much, "end", ("song-499",)),
    "much-history": (show_much, "H", ("10,000 pushes ", "song-499")),
    "doctor-wrong": (show_wrong, "D", ("3 of 3",)),
}


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", PICTURED)
@pytest.mark.usefixtures("a_fixed_place")
async def test_a_screen_is_as_it_is_pictured(name: str, size: tuple[int, int]) -> None:
    show, keys, seen = PICTURED[name]
    with ScriptedDaemon() as daemon:
        show(daemon)
        async with open_screen(daemon, size) as screen:
            await screen.sees("daemon ●" if name.startswith("much") else "MuseUI")
            await screen.until(lambda: screen.keys_of("repositories"))
            await screen.press(*keys.split())
            await screen.sees(*seen)
            await screen.pilot.pause()
            picture = take_picture(screen.app)
    file = PICTURES / f"{name}-{size[0]}x{size[1]}.svg"
    difference = check_picture(file, picture, write=bool(os.environ.get("MUSEUI_WRITE_PICTURES")))
    assert not difference, difference


async def test_what_differs_is_said_in_lines_of_text() -> None:
    with ScriptedDaemon() as daemon:
        daemon.show("repositories", repository("song"))
        async with open_screen(daemon, (80, 24)) as screen:
            await screen.sees("✓ all safe")
            before = take_picture(screen.app)
            assert [line.rstrip() for line in read_text(before)] == [
                line.rstrip() for line in screen.text.splitlines() if line.strip()
            ]
            daemon.show("repositories", repository("song", "stopped"))
            await screen.sees("✗ 1 needs you")
            after = take_picture(screen.app)
    assert find_difference(before, before) == ""
    said = find_difference(before, after)
    assert "-│ ● song" in said and "+│ ✗ song" in said
    assert "what it looks like is not" in find_difference(before, before.replace("#5fb3a8", "#ffffff"))


@pytest.mark.parametrize("name", ["push-80x24-dark.svg", "trouble-120x36-light.svg"])
def test_the_edges_of_boxes_are_straight_whatever_the_viewer_s_font(name: str) -> None:
    """An edge in a longer text would move with the widths of the letters before it."""
    texts = [unescape(text) for _, _, text in TEXT.findall((ROOT / "screenshots" / name).read_text())]
    edges = [text for text in texts if set(text) & set(EDGES)]
    assert len(edges) > 40
    assert {len(text) for text in edges} == {1}
