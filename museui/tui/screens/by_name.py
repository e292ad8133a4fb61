"""The panel screens by the names that actions call them by."""

from __future__ import annotations

from .panels import PanelScreen


def make_screen(where: str) -> PanelScreen:
    """Return a new screen of this name. A screen's module is imported only when the screen is opened."""
    match where:
        case "add":
            from .add_repository import AddRepository

            return AddRepository()
        case "doctor":
            from .doctor import Doctor

            return Doctor()
        case "hub":
            from .hub import Hub

            return Hub()
        case "log":
            from .log import Log

            return Log()
        case "settings":
            from .settings import Settings

            return Settings()
    raise ValueError(f"there is no screen {where!r}")
