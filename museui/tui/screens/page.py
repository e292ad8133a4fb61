"""A screen of text below the headline: the frame of the push."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from ..feed import EVERYTHING
from ..view.headline import make_headline
from ..view.page import Page, copy_page
from ..widgets.footer import KeyBar
from ..widgets.headline import HeadlineBar
from ..widgets.page import PageView
from .base import NewsScreen
from .rows import plain


class PageScreen(NewsScreen[None]):
    """Shows what :meth:`page` gives."""

    DEFAULT_CSS = """
    PageScreen VerticalScroll { border: round $primary; border-title-color: $primary; padding: 0 1; }
    PageScreen VerticalScroll { scrollbar-size-vertical: 1; }
    """

    def page(self) -> Page:
        """What is to be shown now."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The parts."""
        yield HeadlineBar()
        with VerticalScroll():
            yield PageView()
        yield KeyBar(self.WHERE)

    def on_mount(self) -> None:
        """The keys scroll."""
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        """Lines are wrapped anew."""
        self.show_news(EVERYTHING)

    def show_news(self, changed: AbstractSet[str]) -> None:
        """Show the page as it is now."""
        news, page = self.muse.news, self.page()
        self.query_one(HeadlineBar).show(make_headline(news.state, self.muse.now(), news.connected), self.muse.now())
        self.query_one(VerticalScroll).border_title = plain(page.title)
        self.query_one(PageView).show(page, max(20, self.app.size.width - 5))

    def action_copy(self) -> None:
        """All of it."""
        self.muse.copy(copy_page(self.page()))

    def action_down(self) -> None:
        """A line down."""
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_up(self) -> None:
        """A line up."""
        self.query_one(VerticalScroll).scroll_up(animate=False)

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
