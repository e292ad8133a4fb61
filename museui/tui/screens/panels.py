"""The screens that one goes to by a key from everywhere, one at a time, each by its name."""

from __future__ import annotations

from .base import NewsScreen


class Place(NewsScreen[None]):
    """Has panels; lies over the dashboard."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    DEFAULT_CSS = """
    Place .panel { border: round $border-quiet; border-title-color: $quiet; border-subtitle-color: $quiet; }
    Place .panel { padding: 0 1; }
    Place .panel:focus-within { border: round $primary; border-title-color: $primary; }
    """


def make_place(where: str) -> Place:
    """The screen of this name. What is not looked at is not imported."""
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
