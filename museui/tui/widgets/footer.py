"""The bottom line: the screen's keys, as many as fit. A click on one does what the key does."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from ..actions import Action, footer_actions, show_keys


class KeyBar(Widget):
    """The keys of the actions that are available now."""

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; padding: 0 1; background: $panel; link-style: none; link-color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown: Sequence[Action] = ()

    def show(self, actions: Sequence[Action]) -> None:
        """Show these actions."""
        if actions != self.shown:
            self.shown = actions
            self.refresh()

    def render(self) -> Content:
        """Return as many entries as fit."""
        return Content("  ").join(map(_entry, footer_actions(self.shown, self.size.width + 2)))


def _entry(action: Action) -> Content:
    entry = Content.assemble(
        (show_keys(action.keys.partition(",")[0]), "bold $primary"), " ", (action.label, "$foreground")
    )
    return entry.stylize(Style.from_meta({"@click": f"{action.namespace}.{action.do}"}))
