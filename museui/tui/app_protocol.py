"""What screens and widgets may ask of the app. They import this protocol; the app imports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from textual.app import App

from museui.core.errors import MuseError
from museui.local.messages import RepositoryView

from .actions import Action
from .feed import News
from .requests import Request

T = TypeVar("T")


class AppProtocol(Protocol):
    """The app as its screens know it."""

    news: News
    """The newest state of the daemon."""
    banner: str
    """A line that stays on the dashboard; empty for none."""
    actions: tuple[Action, ...]
    """Every action, with the keys that the person configured."""

    def now(self) -> float:
        """Return the present time in Unix seconds."""

    def theme_name(self) -> str:
        """Return the name of the present theme."""

    def ask(
        self, request: Request[T], then: Callable[[T], object], failed: Callable[[MuseError], object] | None = None
    ) -> None:
        """Ask the daemon in the background and pass its answer to ``then``.

        An error goes to ``failed``, or becomes a notification when there is none.
        """

    def ask_and_say(self, request: Request[str]) -> None:
        """Ask the daemon in the background and show its answer as a notification."""

    def in_background(
        self, work: Callable[[], T], then: Callable[[T], object], failed: Callable[[MuseError], object] | None = None
    ) -> None:
        """Call ``work`` in a thread and pass on its result or error as :meth:`ask` does."""

    def call_in_app(self, function: Callable[[T], object], value: T) -> None:
        """Call ``function`` in the app's thread; callable from any other."""

    def say(self, text: str) -> None:
        """Show a notification; nothing for an empty text."""

    def copy(self, text: str) -> None:
        """Copy ``text`` to the clipboard."""

    def open_screen(self, where: str) -> None:
        """Open the panel screen of this name."""

    def chosen_repository(self) -> str | None:
        """Return the id of the repository under the dashboard's cursor."""

    def ask_to_remove(self, repository: RepositoryView) -> None:
        """Stop watching a repository, after a question."""

    def retry(self, repository: RepositoryView | None) -> None:
        """Retry the queue entries of a repository, or check it again when it has none and is in trouble."""

    def sign_in(self, repository: RepositoryView | None) -> None:
        """Open the sign-in dialog for the hub of a repository."""

    def use_theme(self, name: str | None) -> None:
        """Switch to a theme and keep it in the settings; None changes nothing."""

    def show_demo(self) -> None:
        """Run the demo in this terminal."""


def as_muse(app: App[Any]) -> AppProtocol:
    """Return a screen's or widget's ``app`` with the type of our app."""
    return cast(AppProtocol, app)
