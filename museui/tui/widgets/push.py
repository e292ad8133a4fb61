"""One repository's push: its sentence, its five phases on one time axis, its error."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from museui.core.figures import one_line

from ..tones import STYLES
from ..view.push import PushPanel
from ..view.troubles import explain
from ..view.waterfall import PhaseBar, draw_push

_TITLE, _FIGURE, _GATE, _MARK, _NOTE = 12, 8, 9, 2, 14


class PushView(Widget, can_focus=True):
    """Draws a :class:`PushPanel` at the width it has."""

    DEFAULT_CSS = "PushView { height: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown: PushPanel | None = None

    def show(self, panel: PushPanel | None) -> None:
        """Show this; None: nothing."""
        if panel != self.shown:
            self.shown = panel
            self.refresh()

    def render(self) -> Content:
        """The bars are as long as there is room."""
        panel = self.shown
        if panel is None:
            return Content("")
        lines = [Content.styled(one_line(panel.summary), STYLES[panel.tone])]
        if panel.push and panel.push.phases:
            lines += [Content(""), *self._waterfall(draw_push(panel.push, self._bar_width(), panel.now))]
        if panel.trouble:
            lines += [Content("")]
            lines += [
                Content.assemble((f"{label:>8}  ", STYLES["quiet"]), one_line(text))
                for label, text in explain(panel.trouble)
                if label
            ]
        return Content("\n").join(lines)

    def _bar_width(self) -> int:
        note = _NOTE if self.size.width >= 72 else 0
        return max(8, self.size.width - _TITLE - _FIGURE - _GATE - _MARK - note - 3)

    def _waterfall(self, bars: tuple[PhaseBar, ...]) -> list[Content]:
        width = self._bar_width()
        return [
            Content.assemble(
                f"{bar.title:<{_TITLE}}",
                ("▏", STYLES["quiet"]),
                " " * bar.lead,
                (bar.bar, STYLES[bar.tone]),
                " " * (width - bar.lead - len(bar.bar)),
                f"{bar.figure:>{_FIGURE}} ",
                (f"{bar.gate:<{_GATE}}", STYLES["quiet"]),
                (f"{bar.mark:<{_MARK}}", STYLES[bar.tone]),
                (bar.note if self.size.width >= 72 else "", STYLES["quiet"]),
            )
            for bar in bars
        ]
