"""A screen that lies over the dashboard: the same line at the top, its keys at the bottom, escape goes back."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from textual.app import ComposeResult

from ..view.headline import make_headline
from ..widgets.footer import KeyBar
from ..widgets.headline import HeadlineBar
from .base import NewsScreen


class Place(NewsScreen[None]):
    """What lies between the two lines is :meth:`compose_body` and :meth:`show_body`."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    DEFAULT_CSS = """
    Place .panel { border: round $border-quiet; border-title-color: $quiet; border-subtitle-color: $quiet; }
    Place .panel { padding: 0 1; }
    Place .panel:focus-within { border: round $primary; border-title-color: $primary; }
    """

    def compose(self) -> ComposeResult:
        """The two lines and what is between."""
        yield HeadlineBar(id="headline")
        yield from self.compose_body()
        yield KeyBar(self.WHERE)

    def compose_body(self) -> ComposeResult:
        """What is between the lines."""
        raise NotImplementedError

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show the app's news there."""

    def show_news(self, changed: AbstractSet[str]) -> None:
        """The line at the top, then the body."""
        news, now = self.muse.news, self.muse.now()
        self.query_one(HeadlineBar).show(make_headline(news.state, now, news.connected), now)
        self.show_body(changed)

    def action_close(self) -> None:
        """Back."""
        self.dismiss()


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
