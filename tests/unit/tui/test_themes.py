"""Contrast of every theme that is offered: text and borders can be told from what they are drawn on."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from museui.tui.colors import COLORS
from museui.tui.contrast import BORDER, TEXT, contrast, readable
from museui.tui.themes import THEME_NAMES, THEMES, more_variables
from tests.helpers.scripted_daemon import ScriptedDaemon
from tests.helpers.tui import Screen, open_screen
from tests.helpers.views import FORBIDDEN, entry, hub, push, repository

EVERY = {theme.name: theme for theme in (*THEMES, *BUILTIN_THEMES.values())}
MIXED = [theme for theme in EVERY.values() if not theme.ansi]
ANSI = [theme for theme in EVERY.values() if theme.ansi]
VISIBLE = {"ansi_default", "ansi_red", "ansi_green", "ansi_yellow", "ansi_blue", "ansi_magenta", "ansi_cyan"}
"""ANSI colours that are neither black, white nor grey, so that they show on dark and on light terminals."""


def resolve(theme: Theme) -> dict[str, str]:
    variables = theme.to_color_system().generate()
    return variables | more_variables(theme, variables)


def name_of(theme: Theme) -> str:
    return theme.name


def test_every_theme_is_tested() -> None:
    assert set(THEME_NAMES) == set(EVERY) and {theme.name for theme in ANSI} == {"ansi-dark", "ansi-light"}


@pytest.mark.parametrize("theme", MIXED, ids=name_of)
def test_text_has_the_contrast_that_wcag_asks_for(theme: Theme) -> None:
    variables = resolve(theme)
    for name in {*COLORS.values(), "$primary"}:
        color = Color.parse(variables[name.removeprefix("$")])
        for ground, least in (("background", TEXT), ("panel", TEXT), ("cursor", BORDER)):
            found = contrast(color, Color.parse(variables[ground]))
            assert found >= least, f"{name} on {ground}: {found:.2f}"


@pytest.mark.parametrize("theme", MIXED, ids=name_of)
def test_borders_have_the_contrast_that_wcag_asks_for(theme: Theme) -> None:
    variables = resolve(theme)
    background = Color.parse(variables["background"])
    for name in ("border-quiet", "primary"):
        found = contrast(Color.parse(variables[name]), background)
        assert found >= BORDER, f"{name}: {found:.2f}"


@pytest.mark.parametrize("theme", ANSI, ids=name_of)
def test_an_ansi_theme_uses_only_colours_that_show_on_dark_and_on_light_terminals(theme: Theme) -> None:
    variables = resolve(theme)
    for name in ("primary", "border-quiet", *(color.removeprefix("$") for color in COLORS.values())):
        assert variables[name].replace("bright_", "") in VISIBLE, f"{name}: {variables[name]}"


@pytest.mark.parametrize("theme", ANSI, ids=name_of)
@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "broad"])
async def test_nothing_on_the_screens_of_an_ansi_theme_is_drawn_in_black_or_white(
    theme: Theme, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with ScriptedDaemon() as daemon:
        daemon.show("repositories", repository("song"), repository("loops", "stopped"))
        daemon.show("queue", entry("loops", "stopped", error=FORBIDDEN))
        daemon.show("history", push(1, "song"))
        daemon.show("hubs", hub("https://hub.local"), key="base")
        async with open_screen(daemon, size, theme=theme.name) as screen:
            await screen.sees("needs you")
            steps = ("", "song"), ("3", "next try"), ("b", "Hubs"), ("s", "commit"), ("L", "Log"), ("?", "Keys")
            for key, seen in (*steps, ("escape", "Log"), ("ctrl+p", "Copy the line")):
                await screen.press(*[{"?": "question_mark"}.get(key, key)] if key else [])
                await screen.sees(seen)
                assert_all_shows(screen)
            daemon.stop()
            await screen.press("escape", "escape")
            await screen.sees("daemon ○ gone")
            assert_all_shows(screen)


def assert_all_shows(screen: Screen) -> None:
    """Check that text on the terminal's own background is in its own foreground or in a colour that shows on any."""
    for text, style, _ in (segment for line in screen.lines for segment in line):
        if style and text.strip() and not style.reverse and (style.bgcolor is None or style.bgcolor.is_default):
            color = style.color
            shows = color is None or color.is_default or (color.number is not None and color.number % 8 not in (0, 7))
            assert shows, f"{text!r} is drawn in {color}"


def test_a_colour_is_moved_no_further_than_it_has_to_be() -> None:
    black, grey = Color(0, 0, 0), Color.parse("#808080")
    assert readable(grey, {black: BORDER}, dark=True) == grey
    lighter = readable(grey, {black: 9.0}, dark=True)
    assert 9.0 <= contrast(lighter, black) < 10.0
    assert contrast(Color(255, 255, 255), black) == 21.0
