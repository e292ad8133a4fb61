"""Tones as the theme's colours: the only place where one becomes the other."""

from __future__ import annotations

from collections.abc import Mapping

from .view.marks import Tone

STYLES: Mapping[Tone, str] = {
    "good": "$text-success",
    "busy": "$text-accent",
    "wait": "$text-warning",
    "bad": "$text-error",
    "quiet": "$text-muted",
    "text": "$text",
}
