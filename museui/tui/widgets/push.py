"""The push panel: a sentence, the five phases on one time axis, the error."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from museui.core.figures import one_line
from museui.core.phases import PHASES

from ..colors import COLORS
from ..view.error_text import explain
from ..view.push import PushPanel
from .hanging_indent import hanging_indent
from .waterfall import render_waterfall

_BARS = 1 + len(PHASES)


class PushView(Widget, can_focus=True):
    """Draws a :class:`PushPanel` at its width."""

    DEFAULT_CSS = "PushView { height: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown: PushPanel | None = None

    def show(self, panel: PushPanel | None) -> None:
        """Show this panel; nothing for None."""
        if panel != self.shown:
            self.shown = panel
            self.refresh()

    def render(self) -> Content:
        """Return the panel's lines. The bars are left out when not all of them fit."""
        panel = self.shown
        if panel is None:
            return Content("")
        width = self.size.width
        summary = Content.styled(one_line(panel.summary), COLORS[panel.tone])
        lines = summary.wrap(width) if panel.trouble else [summary]
        for label, text in explain(panel.trouble) if panel.trouble else ():
            if label:
                lead = Content.styled(f"{label:>8}  ", COLORS["quiet"])
                lines += hanging_indent(lead, Content(one_line(text)), width)
        if panel.push and panel.push.phases and len(lines) + _BARS <= self.size.height:
            lines += [Content(""), *render_waterfall(panel.push, width, panel.now)]
        return Content("\n").join(lines)
