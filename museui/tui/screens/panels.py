"""Base class of the screens with panels, which lie over the dashboard."""

from __future__ import annotations

from .base import NewsScreen


class PanelScreen(NewsScreen[None]):
    """A screen with bordered panels. A key opens it from everywhere; one such screen is open at a time."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    DEFAULT_CSS = """
    PanelScreen .panel { border: round $border-quiet; border-title-color: $quiet; border-subtitle-color: $quiet; }
    PanelScreen .panel { padding: 0 1; }
    PanelScreen .panel:focus-within { border: round $primary; border-title-color: $primary; }
    """
