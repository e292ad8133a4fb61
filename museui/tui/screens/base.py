"""What every screen of ours has: a headline, a body, its keys; and news when there is any."""

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
    """A screen that shows something of what the daemon tells; ``WHERE`` is what the actions call it.

    What lies between the line at the top and the one at the bottom is :meth:`compose_body` and :meth:`show_body`.
    """

    WHERE: ClassVar[str] = ""
    DEFAULT_CSS = "NewsScreen.-gone Table, NewsScreen.-gone PushView, NewsScreen.-gone PageView { text-opacity: 60%; }"

    @property
    def muse(self) -> AppProtocol:
        """The app."""
        return as_muse(self.app)

    def compose(self) -> ComposeResult:
        """The two lines and what is between."""
        yield HeadlineBar(id="headline")
        yield from self.compose_body()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """What is between the lines."""
        raise NotImplementedError

    def show_news(self, changed: AbstractSet[str]) -> None:
        """Show the app's news: the collections that changed, none when only time has passed."""
        news, now = self.muse.news, self.muse.now()
        self.query_one(HeadlineBar).show(make_headline(news.state, now, news.connected, news.starting), now)
        self.set_class(news.gone, "-gone")
        self.show_body(changed)
        self.query_one(KeyBar).show(self.offered())

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show the app's news there."""

    def offered(self) -> list[Action]:
        """What can be done here now. When the daemon is gone, the key that starts it does nothing else."""
        actions = self.muse.actions
        starts = [action for action in actions if action.where == "gone" and self.muse.news.gone]
        taken = {key for action in starts for key in action.keys.split(",")}
        return starts + [
            action for action in actions_of(self.WHERE, actions) if taken.isdisjoint(action.keys.split(","))
        ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key of what is not offered is as if it were none."""
        every = actions_of(self.WHERE, self.muse.actions)
        return action not in _names(every) or action in _names(self.offered())

    def on_screen_resume(self) -> None:
        """It may be old by now; when the app ends, there is nothing left to show it on."""
        if self.app.is_running:
            self.show_news(EVERYTHING)

    def action_close(self) -> None:
        """Back."""
        self.dismiss()


def _names(actions: list[Action]) -> set[str]:
    return {action.do.partition("(")[0] for action in actions}
