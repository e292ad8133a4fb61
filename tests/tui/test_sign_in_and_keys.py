"""Signing in, keys of one's own, and no colours where nobody wants any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input

from tests.helpers.hub import HubProcess
from tests.helpers.scripted_daemon import ScriptedDaemon
from tests.helpers.tui import Screen, open_screen
from tests.helpers.views import hub, repository

SONG = repository("song")


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as scripted:
        scripted.show("hubs", hub(), key="base")
        scripted.show("repositories", SONG)
        yield scripted


async def test_signing_in_says_what_is_wrong_where_it_was_typed(daemon: ScriptedDaemon) -> None:
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("✓ all safe")
        await screen.press("i")
        await screen.sees("Sign in to a hub", "https://hub.local")
        await screen.press("enter")
        await screen.sees("Address and token are both needed.")
        screen.app.screen.query_one("#hub", Input).value = "http://127.0.0.1:1"
        await screen.press(*"secret")
        assert "secret" not in screen.text
        await screen.press("enter")
        await screen.sees("cannot reach 127.0.0.1:1")
        await screen.press("escape")
        await screen.until(lambda: screen.app.screen is screen.dashboard)


async def test_a_token_that_the_hub_takes_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with HubProcess() as real, ScriptedDaemon() as daemon:
        async with open_screen(daemon, (80, 24)) as screen:
            await screen.sees("Welcome to MuseUI", "Sign in to a hub")
            await screen.press("i")
            await screen.press(*f"http://127.0.0.1:{real.port}", "enter", *real.token, "enter")
            await screen.sees("as ada")
        assert real.token in (tmp_path / ".muse" / "identity.toml").read_text()


def type_ahead(screen: Screen, *keys: str) -> None:
    """Type faster than anything is answered."""
    for key in keys:
        screen.app.post_message(Key(key, {"slash": "/"}.get(key, key if len(key) == 1 else None)))


async def test_a_token_that_is_typed_ahead_is_seen_nowhere(daemon: ScriptedDaemon) -> None:
    daemon.drop("hubs", "https://hub.local")
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("✓ all safe")
        type_ahead(screen, "i", "x", "ctrl+u", *"https://h", "enter", *"secret")
        await screen.until(lambda: [box.value for box in screen.app.screen.query(Input)] == ["https://h", "secret"])


async def test_what_is_typed_ahead_goes_where_the_key_before_it_leads(daemon: ScriptedDaemon) -> None:
    daemon.show("repositories", repository("album"))
    daemon.answers[f"DELETE repositories/{SONG.id}"] = {"removed": SONG.path}
    async with open_screen(daemon, (80, 24)) as screen:
        await screen.sees("✓ all 2 safe")
        type_ahead(screen, "slash", *"song", "enter", "delete", "y")
        await screen.sees("song is no longer watched")
        assert screen.app.screen is screen.dashboard and screen.keys_of("repositories") == [SONG.id]


async def test_keys_of_one_s_own_are_pressed_and_shown(daemon: ScriptedDaemon) -> None:
    daemon.answers[f"POST repositories/{SONG.id}/pause"] = {}
    async with open_screen(daemon, keys={"pause": "z"}) as screen:
        await screen.sees("✓ all safe", "z pause")
        await screen.press("z")
        await screen.sees("song is paused")


async def test_without_colours_there_are_none(daemon: ScriptedDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_screen(daemon) as screen:
        await screen.sees("✓ all safe")
        for strip in screen.lines:
            for segment in strip:
                for color in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    red, green, blue = color.get_truecolor() if color else (0, 0, 0)
                    assert max(red, green, blue) - min(red, green, blue) <= 1, segment
