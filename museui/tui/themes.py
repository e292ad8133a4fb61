"""The program's own themes, no colour at all where nobody wants any, and what every theme is asked for besides."""

from __future__ import annotations

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="museui-dark",
    primary="#5fb3a8",
    secondary="#8fa7c4",
    accent="#7fc8f8",
    success="#7ec699",
    warning="#e5c07b",
    error="#f0787a",
    foreground="#d7dadf",
    background="#14171a",
    surface="#14171a",
    panel="#1d2226",
    dark=True,
)
LIGHT = Theme(
    name="museui-light",
    primary="#0d6b60",
    secondary="#46607c",
    accent="#0b62a8",
    success="#1b7a3d",
    warning="#8a5a00",
    error="#b3261e",
    foreground="#22272b",
    background="#fbfaf7",
    surface="#fbfaf7",
    panel="#eeece6",
    dark=False,
)
MONOCHROME = Theme(
    name="museui-monochrome",
    primary="#ffffff",
    secondary="#ffffff",
    accent="#ffffff",
    success="#ffffff",
    warning="#ffffff",
    error="#ffffff",
    foreground="#e4e4e4",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
)
THEMES = (DARK, LIGHT, MONOCHROME)
THEME_NAMES = (*(theme.name for theme in THEMES), *sorted(BUILTIN_THEMES))


def more_variables(theme: Theme, variables: dict[str, str]) -> dict[str, str]:
    """Colours our styles use that Textual's themes lack, mixed from those they have, none of them translucent."""
    background, foreground = Color.parse(variables["background"]), Color.parse(variables["foreground"])
    primary = Color.parse(variables["primary"])
    mixed = {
        "quiet": background.blend(foreground, 0.62 if theme.dark else 0.76),
        "cursor": background.blend(primary, 0.3 if theme.dark else 0.2),
        "cursor-blurred": background.blend(foreground, 0.1),
        "border-quiet": background.blend(foreground, 0.25),
    }
    mixed |= dict.fromkeys(("scrollbar", "scrollbar-hover", "scrollbar-active"), mixed["border-quiet"])
    mixed |= dict.fromkeys(
        ("scrollbar-background", "scrollbar-background-hover", "scrollbar-background-active", "scrollbar-corner-color"),
        background.blend(foreground, 0.08),
    )
    return {name: color.hex6 for name, color in mixed.items()}
