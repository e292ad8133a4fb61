"""Base class of the screens: a headline, a body and a footer, updated when there is news."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.screen import Screen

from ..actions import Action, actions_of
from ..app_protocol import AppProtocol, as_muse
from ..feed import EVERYTHING
from ..view.headline import make_headline
from ..widgets.footer import KeyBar
from ..widgets.headline import HeadlineBar

R = TypeVar("R")


class NewsScreen(Screen[R]):
    """A screen that shows the daemon's state. ``WHERE`` is its name in the list of actions.

    Subclasses define the part between headline and footer by :meth:`compose_body` and :meth:`show_body`.
    """

    WHERE: ClassVar[str] = ""
    DEFAULT_CSS = """
    NewsScreen.-gone Table, NewsScreen.-gone PushView, NewsScreen.-gone PageView { text-opacity: 60%; }
    NewsScreen.-gone Table:ansi, NewsScreen.-gone PushView:ansi, NewsScreen.-gone PageView:ansi { text-opacity: 100%; }
    """

    @property
    def muse(self) -> AppProtocol:
        """The app, with the type that screens know."""
        return as_muse(self.app)

    def compose(self) -> ComposeResult:
        """Yield headline, body and footer."""
        yield HeadlineBar(id="headline")
        yield from self.compose_body()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """Yield the widgets of the body."""
        raise NotImplementedError

    def show_news(self, changed: AbstractSet[str]) -> None:
        """Show the app's news. ``changed`` has the collections that changed; it is empty when only time has passed."""
        news, now = self.muse.news, self.muse.now()
        self.query_one(HeadlineBar).show(make_headline(news.state, now, news.connected, news.starting), now)
        self.set_class(news.gone, "-gone")
        self.show_body(changed)
        self.query_one(KeyBar).show(self.offered())

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show the app's news in the body."""

    def offered(self) -> list[Action]:
        """Return the actions available now. While the daemon is gone, the key that starts it has no other action."""
        actions = self.muse.actions
        starts = [action for action in actions if action.where == "gone" and self.muse.news.gone]
        taken = {key for action in starts for key in action.keys.split(",")}
        return starts + [
            action for action in actions_of(self.WHERE, actions) if taken.isdisjoint(action.keys.split(","))
        ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Ignore the keys of actions that are not available."""
        every = actions_of(self.WHERE, self.muse.actions)
        return action not in _names(every) or action in _names(self.offered())

    def on_screen_resume(self) -> None:
        """Update everything: news that came while another screen was on top was not shown here."""
        if self.app.is_running:
            self.show_news(EVERYTHING)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()


def _names(actions: list[Action]) -> set[str]:
    return {action.do.partition("(")[0] for action in actions}
