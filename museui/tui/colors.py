"""The theme's colour of each tone."""

from __future__ import annotations

from collections.abc import Mapping

from .view.status import Tone

COLORS: Mapping[Tone, str] = {
    "good": "$success",
    "busy": "$accent",
    "wait": "$warning",
    "bad": "$error",
    "quiet": "$quiet",
    "text": "$foreground",
}
"""Tone → name of a theme variable; ``$quiet`` is one of those that :mod:`museui.tui.themes` adds."""
