"""The program's own themes, and no colour at all where nobody wants any."""

from __future__ import annotations

from textual.theme import Theme

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
    variables={"border-blurred": "#3a4247", "footer-key-foreground": "#5fb3a8"},
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
    variables={"border-blurred": "#c3beb2", "footer-key-foreground": "#0d6b60"},
)
MONOCHROME = Theme(
    name="museui-monochrome",
    primary="#ffffff",
    secondary="#ffffff",
    accent="#ffffff",
    success="#ffffff",
    warning="#ffffff",
    error="#ffffff",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
)
THEMES = (DARK, LIGHT, MONOCHROME)
