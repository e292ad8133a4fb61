"""Help: every key of a screen, from the list of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ..actions import TITLES, Action, show_keys
from ..widgets.scroll import Scroll

MOVING = (
    Content(""),
    Content.styled("Moving", "bold $primary"),
    Content.assemble(("  ↑ ↓  k j", "bold"), "  up and down; pages and ends by their keys, or g and G"),
    Content.assemble(("  ← →  h l", "bold"), "  from panel to panel, as tab does"),
)


class Help(ModalScreen[None]):
    """Shows the keys of ``actions``, grouped by screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1", "dismiss", "close")]
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > Scroll { width: 74; height: auto; max-height: 90%; padding: 0 2; }
    Help > Scroll { border: round $primary; background: $panel; }
    Help Static { width: 1fr; }
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions

    def compose(self) -> ComposeResult:
        """Yield the text."""
        with Scroll() as box:
            box.border_title = "Keys"
            yield Static(self._text())

    def _text(self) -> Content:
        lines: list[Content] = []
        for where, title in TITLES.items():
            keys = [
                Content.assemble((f"{show_keys(action.keys):>8}  ", "bold"), action.help)
                for action in self._actions
                if action.where == where
            ]
            lines += [Content(""), Content.styled(title, "bold $primary"), *keys] if keys else []
        return Content("\n").join([*lines, *MOVING])
