"""Base class of the screens that show one page of text."""

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
    """Shows the page that :meth:`page` returns."""

    DEFAULT_CSS = "TextScreen Scroll { border: round $primary; border-title-color: $primary; padding: 0 1; }"

    def page(self) -> Page:
        """Return the page to show now."""
        raise NotImplementedError

    def compose_body(self) -> ComposeResult:
        """Yield the page in a scroller."""
        with Scroll():
            yield PageView()

    def on_mount(self) -> None:
        """Focus the scroller."""
        self.query_one(Scroll).focus()

    def on_resize(self) -> None:
        """Wrap lines at the new width."""
        self.show_news(EVERYTHING)

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show the present page."""
        page = self.page()
        self.query_one(Scroll).border_title = plain(page.title)
        self.query_one(PageView).show(page, max(20, self.app.size.width - 5))

    def action_copy(self) -> None:
        """Copy the whole page."""
        self.muse.copy(copy_page(self.page()))
