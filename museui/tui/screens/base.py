"""What every screen of ours has: the app as what it is, and news when there is any."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.screen import Screen

from ..feed import EVERYTHING

if TYPE_CHECKING:
    from ..app import MuseApp

R = TypeVar("R")


class NewsScreen(Screen[R]):
    """A screen that shows something of what the daemon tells; ``WHERE`` is what the actions call it."""

    WHERE: ClassVar[str] = ""

    @property
    def muse(self) -> MuseApp:
        """The app."""
        return cast("MuseApp", self.app)

    def show_news(self, changed: AbstractSet[str]) -> None:
        """Show the app's news: the collections that changed, none when only time has passed."""
        raise NotImplementedError

    def on_screen_resume(self) -> None:
        """It may be old by now; when the app ends, there is nothing left to show it on."""
        if self.app.is_running:
            self.show_news(EVERYTHING)
