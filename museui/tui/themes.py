"""MuseUI's own themes, one of them without colours (``NO_COLOR``), and the variables that we add to every theme."""

from __future__ import annotations

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from .contrast import BORDER, TEXT, readable

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


_TONES = ("foreground", "primary", "success", "accent", "warning", "error")


def more_variables(theme: Theme, variables: dict[str, str]) -> dict[str, str]:
    """Return the colour variables of our styles that Textual's themes lack or draw too faint to be read.

    None of them is translucent. Some of Textual's themes have tones with a contrast of 1.1 on their own panels: those
    are made lighter or darker. The colours of an ANSI theme are the terminal's: nothing can be mixed from them.
    """
    if theme.ansi:
        return _ANSI | {"primary": "ansi_cyan" if theme.dark else "ansi_blue"}  # dark blue is faint on black
    color = {name: Color.parse(variables[name]) for name in ("background", "panel", *_TONES)}
    background, dark = color["background"], theme.dark
    cursor = background.blend(color["primary"], 0.3 if dark else 0.2)
    grounds = {background: TEXT, color["panel"]: TEXT, cursor: BORDER}
    color |= {name: readable(color[name], grounds, dark=dark) for name in _TONES}
    foreground = color["foreground"]
    quiet = background.blend(foreground, 0.62 if dark else 0.76)
    line = background.blend(foreground, 0.25)
    more = {name: color[name] for name in _TONES} | {
        "quiet": readable(quiet, grounds, dark=dark),
        "cursor": cursor,
        "cursor-blurred": background.blend(foreground, 0.1),
        "border-quiet": readable(line, {background: BORDER}, dark=dark),
    }
    more |= dict.fromkeys(_SCROLLBARS, line)
    more |= dict.fromkeys(_SCROLLBAR_GROUNDS, background.blend(foreground, 0.08))
    return {name: value.hex6 for name, value in more.items()}


_SCROLLBARS = ("scrollbar", "scrollbar-hover", "scrollbar-active")
_SCROLLBAR_GROUNDS = (
    "scrollbar-background",
    "scrollbar-background-hover",
    "scrollbar-background-active",
    "scrollbar-corner-color",
)
_ANSI = {
    **dict.fromkeys(("quiet", "border-quiet", "cursor", "cursor-blurred", *_SCROLLBAR_GROUNDS), "ansi_default"),
    **dict.fromkeys(_SCROLLBARS, "ansi_cyan"),
}
"""Text and borders in the terminal's own foreground, which is readable on its background whatever the two are.

Black, white and grey would be invisible on one terminal or another. The cursor is drawn in reverse, see the table.
"""
