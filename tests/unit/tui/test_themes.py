"""Every theme is readable: what is said has contrast enough against what it stands on."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from museui.tui.colors import COLORS
from museui.tui.themes import DARK, LIGHT, MONOCHROME, more_variables

ENOUGH = 4.5
"""What WCAG 2 asks of text."""


def luminance(color: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Color, other: Color) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT, MONOCHROME], ids=lambda theme: str(theme.name))
@pytest.mark.parametrize("ground", ["background", "panel"])
def test_every_tone_can_be_read_on_every_ground(theme: Theme, ground: str) -> None:
    variables = theme.to_color_system().generate()
    variables |= more_variables(theme, variables)
    for tone, style in COLORS.items():
        found = contrast(Color.parse(variables[style.removeprefix("$")]), Color.parse(variables[ground]))
        assert found >= ENOUGH, f"{tone} on {ground}: {found:.1f}"
