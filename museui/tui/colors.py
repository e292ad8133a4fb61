"""Tones as the theme's colours: the only place where one becomes the other."""

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
"""``$quiet`` is made of the theme's foreground and background by the app."""
