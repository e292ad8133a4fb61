"""A few lines in the middle of the screen, where there is nothing to list."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from museui.core.figures import one_line

from ..tones import STYLES
from ..view.calm import Calm


class CalmView(Static):
    """Draws a :class:`Calm`."""

    DEFAULT_CSS = "CalmView { width: 1fr; height: 1fr; content-align: center middle; padding: 0 2; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown: Calm | None = None

    def show(self, calm: Calm | None) -> None:
        """Show this; None: not be there."""
        self.display = calm is not None
        if calm is None or calm == self.shown:
            self.shown = calm
            return
        self.shown = calm
        lines = [Content.styled(calm.title, f"bold {STYLES[calm.tone]}"), Content("")]
        lines += [Content(one_line(line)) for line in calm.lines]
        widest = max((len(choice.title) for choice in calm.choices), default=0)
        commands = max((len(choice.command) for choice in calm.choices), default=0)
        if calm.choices:
            lines.append(Content(""))
        lines += [
            Content.assemble(
                (f"{choice.title:<{widest}}   ", STYLES["quiet"]), (f"{choice.command:<{commands}}", "bold")
            )
            for choice in calm.choices
        ]
        self.update(Content("\n").join(lines))
