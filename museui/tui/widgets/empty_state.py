"""A few lines in the middle of the screen, where there is nothing to list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from museui.core.figures import one_line

from ..actions import show_keys
from ..tones import STYLES
from ..view.calm import Calm, Choice

if TYPE_CHECKING:
    from ..app import MuseApp


class CalmView(Static):
    """Draws a :class:`Calm`."""

    DEFAULT_CSS = """
    CalmView { width: 1fr; height: 1fr; content-align: center middle; padding: 0 2; }
    CalmView { link-style: none; link-color: $foreground; }
    """

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
        lines += [Content("")] if calm.choices else []
        lines += [self._choice(choice, calm.choices) for choice in calm.choices]
        self.update(Content("\n").join(lines))

    def _choice(self, choice: Choice, choices: Sequence[Choice]) -> Content:
        """Its key, what it is, and what does the same in a terminal; a click does what the key does."""
        action = next(action for action in cast("MuseApp", self.app).actions if action.id == choice.action)
        title, command = (max(len(text) for text in texts) for texts in _columns(choices))
        line = Content.assemble(
            (f" {show_keys(action.keys.partition(',')[0])} ", "bold $primary"),
            f" {choice.title:<{title}}   ",
            (f"{choice.command:<{command}} ", STYLES["quiet"]),
        )
        return line.stylize(Style.from_meta({"@click": f"screen.{action.do}"}))


def _columns(choices: Sequence[Choice]) -> tuple[list[str], list[str]]:
    return [choice.title for choice in choices], [choice.command for choice in choices]
