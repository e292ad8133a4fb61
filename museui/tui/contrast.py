"""Contrast of colours as WCAG 2 defines it, and colours moved until they have enough."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color

TEXT, BORDER = 4.5, 3.0
"""Minimum contrast of text, and of borders and other shapes (WCAG 2.2, 1.4.3 and 1.4.11)."""
_STEPS = 40


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two opaque colours, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(color: Color, grounds: Mapping[Color, float], *, dark: bool) -> Color:
    """Return ``color``, or the nearest lighter (on ``dark``) or darker one with enough contrast.

    ``grounds`` has each colour that it is drawn on and the contrast it needs there.
    """
    end = Color(255, 255, 255) if dark else Color(0, 0, 0)
    mixed = (color.blend(end, step / _STEPS) for step in range(_STEPS))
    return next((one for one in mixed if all(contrast(one, ground) >= least for ground, least in grounds.items())), end)


def _luminance(color: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
