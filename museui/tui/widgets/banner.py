"""A line that stays: this is a demo, and what happens in it."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from museui.core.figures import one_line

from ..colors import COLORS

_END = "all of it is temporary"


class Banner(Widget):
    """Draws a notice; without one it is not there."""

    DEFAULT_CSS = "Banner { height: 1; padding: 0 1; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown = ""

    def show(self, banner: str) -> None:
        """Show this."""
        self.display = bool(banner)
        if banner != self.shown:
            self.shown = banner
            self.refresh()

    def render(self) -> Content:
        """The end is left out where there is no room for it."""
        left = Content.assemble(("Demo", "bold $warning"), "  ", one_line(self.shown))
        room = self.size.width - left.cell_length - len(_END)
        return Content.assemble(left, " " * room, (_END, COLORS["quiet"])) if room > 1 else left
