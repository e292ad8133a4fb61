"""A screen of text below the headline: a push or a repository, whole."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from textual.app import ComposeResult

from ..feed import EVERYTHING
from ..view.page import Page, copy_page
from ..widgets.page import PageView
from ..widgets.scroll import Scroll
from .base import NewsScreen
from .rows import plain


class TextScreen(NewsScreen[None]):
    """Shows what :meth:`page` gives."""

    DEFAULT_CSS = "TextScreen Scroll { border: round $primary; border-title-color: $primary; padding: 0 1; }"

    def page(self) -> Page:
        """What is to be shown now."""
        raise NotImplementedError

    def compose_body(self) -> ComposeResult:
        """One text."""
        with Scroll():
            yield PageView()

    def on_mount(self) -> None:
        """The keys scroll."""
        self.query_one(Scroll).focus()

    def on_resize(self) -> None:
        """Lines are wrapped anew."""
        self.show_news(EVERYTHING)

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show the page as it is now."""
        page = self.page()
        self.query_one(Scroll).border_title = plain(page.title)
        self.query_one(PageView).show(page, max(20, self.app.size.width - 5))

    def action_copy(self) -> None:
        """All of it."""
        self.muse.copy(copy_page(self.page()))
