"""The widget of a page of text, wrapped at its width."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from museui.core.figures import one_line

from ..colors import COLORS
from ..view.page import Page
from .hanging_indent import hanging_indent
from .waterfall import render_waterfall

_LABEL = 8


class PageView(Static):
    """Draws a :class:`Page`."""

    DEFAULT_CSS = "PageView { height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Page, int] | None = None

    def show(self, page: Page, width: int) -> None:
        """Show this page, wrapped at ``width`` cells."""
        if (page, width) == self._shown:
            return
        self._shown = (page, width)
        lines = [Content.styled(one_line(page.summary), f"bold {COLORS[page.tone]}")]
        if page.push and page.push.phases:
            lines += [Content(""), *render_waterfall(page.push, width, page.now, page.usual)]
        for section in page.sections:
            lines.append(Content(""))
            if section.title:
                lines.append(Content.styled(one_line(section.title), "bold $primary"))
            for line in section.lines:
                lead = Content.styled(f"{one_line(line.label):>{_LABEL}}  ", COLORS["quiet"])
                lines += hanging_indent(lead, Content.styled(one_line(line.text), COLORS[line.tone]), width)
        self.update(Content("\n").join(lines))
