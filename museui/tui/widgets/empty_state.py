"""The widget of an empty state: a few lines in the middle of the screen, where there is nothing to list."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from museui.core.figures import one_line

from ..actions import show_keys
from ..app_protocol import as_muse
from ..colors import COLORS
from ..view.empty_state import Choice, EmptyState


class EmptyStateView(Static):
    """Draws an :class:`EmptyState`."""

    DEFAULT_CSS = """
    EmptyStateView { width: 1fr; height: 1fr; content-align: center middle; padding: 0 2; }
    EmptyStateView { link-style: none; link-color: $foreground; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown: EmptyState | None = None

    def show(self, empty_state: EmptyState | None) -> None:
        """Show this empty state; hide the widget for None."""
        self.display = empty_state is not None
        if empty_state is None or empty_state == self.shown:
            self.shown = empty_state
            return
        self.shown = empty_state
        lines = [Content.styled(empty_state.title, f"bold {COLORS[empty_state.tone]}"), Content("")]
        lines += [Content(one_line(line)) for line in empty_state.lines]
        lines += [Content("")] if empty_state.choices else []
        lines += [self._choice(choice, empty_state.choices) for choice in empty_state.choices]
        self.update(Content("\n").join(lines))

    def _choice(self, choice: Choice, choices: Sequence[Choice]) -> Content:
        """Return a choice's line: its key, its title and its command for a terminal. A click does what the key does."""
        action = next(action for action in as_muse(self.app).actions if action.id == choice.action)
        title, command = (max(len(text) for text in texts) for texts in _columns(choices))
        line = Content.assemble(
            (f" {show_keys(action.keys.partition(',')[0])} ", "bold $primary"),
            f" {choice.title:<{title}}   ",
            (f"{choice.command:<{command}} ", COLORS["quiet"]),
        )
        return line.stylize(Style.from_meta({"@click": f"screen.{action.do}"}))


def _columns(choices: Sequence[Choice]) -> tuple[list[str], list[str]]:
    return [choice.title for choice in choices], [choice.command for choice in choices]
