"""The demo's banner: a line on the dashboard that says what happens at the moment."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from museui.core.figures import one_line

from ..colors import COLORS

_END = "all of it is temporary"


class Banner(Widget):
    """Draws a banner; hidden while there is none."""

    DEFAULT_CSS = "Banner { height: 1; padding: 0 1; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown = ""

    def show(self, banner: str) -> None:
        """Show this text; hide the banner for an empty one."""
        self.display = bool(banner)
        if banner != self.shown:
            self.shown = banner
            self.refresh()

    def render(self) -> Content:
        """Return the line; its end is left out when there is no room."""
        left = Content.assemble(("Demo", "bold $warning"), "  ", one_line(self.shown))
        room = self.size.width - left.cell_length - len(_END)
        return Content.assemble(left, " " * room, (_END, COLORS["quiet"])) if room > 1 else left
