"""The keys: of one's own, each once on a screen, and as many in the footer as there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.core.errors import Usage
from museui.tui.actions import ACTIONS, TITLES, Action, actions_of, footer_actions, footer_width, with_keys
from museui.tui.app import MuseApp
from museui.tui.preferences import read_keys
from museui.tui.screens.by_name import make_screen
from museui.tui.screens.dashboard import Dashboard
from museui.tui.screens.history import HistoryScreen
from museui.tui.screens.push import PushScreen
from museui.tui.screens.repository import RepositoryScreen


@pytest.mark.parametrize("text", [None, "", "[keys", "[tui]\ntheme = 'x'"])
def test_without_keys_of_one_s_own_they_are_as_they_are(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "config.toml"
    if text is not None:
        path.write_text(text)
    assert read_keys(path) == {}
    assert with_keys({}) == ACTIONS


def test_keys_of_one_s_own_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\npush = "P"\n')
    assert next(action.keys for action in with_keys(read_keys(path)) if action.id == "push") == "P"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keys = 1", "not a table of strings"),
        ("[keys]\npush = 1", "not a table of strings"),
        ('[keys]\nfly = "f"', "'fly', which is not an action"),
    ],
)
def test_keys_that_mean_nothing_are_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(Usage, match=message):
        read_keys(path)


def test_every_action_is_named_once_and_no_key_does_two_things_on_a_screen() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    for where in TITLES:
        keys = [key for action in ACTIONS if action.where in (where, "everywhere") for key in action.keys.split(",")]
        assert len(keys) == len(set(keys)), where


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: str(action.id))
def test_every_key_in_the_help_does_something(action: Action) -> None:
    screens: dict[str, type] = {"dashboard": Dashboard, "push": PushScreen, "repository": RepositoryScreen}
    screens |= {"history": HistoryScreen, "everywhere": MuseApp, "gone": MuseApp}
    screen = screens.get(action.where) or type(make_screen(action.where))
    assert callable(getattr(screen, f"action_{action.do.partition('(')[0]}"))


@pytest.mark.parametrize("where", [where for where in TITLES if where not in ("gone", "everywhere")])
@pytest.mark.parametrize("width", [20, 80, 120])
def test_the_footer_is_never_longer_than_its_line_and_has_help_and_quit(where: str, width: int) -> None:
    shown = footer_actions(actions_of(where), width)
    assert sum(footer_width(action) for action in shown) <= width
    assert width < 80 or {"help", "quit"} <= {action.id for action in shown}
