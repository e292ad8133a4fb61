"""Dialog with a question before something is lost. The safe answer has the focus; y confirms."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Label


class Confirm(ModalScreen[bool]):
    """Ends with True when the person confirms."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape", "answer(False)", "no"),
        Binding("left,right,h,l", "app.focus_next", show=False),
    ]
    DEFAULT_CSS = """
    Confirm { align: center middle; }
    Confirm > Vertical { width: auto; max-width: 64; height: auto; padding: 1 2; }
    Confirm > Vertical { border: round $warning; background: $panel; }
    Confirm Label { width: auto; max-width: 58; margin-bottom: 1; }
    Confirm Horizontal { height: auto; width: auto; }
    Confirm Button { margin-right: 2; min-width: 12; }
    """

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        """Yield the question and its two buttons."""
        with Vertical():
            yield Label(self._question, markup=False)
            with Horizontal():
                yield Button("Leave it (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", variant="warning", compact=True)

    def on_mount(self) -> None:
        """Focus the safe answer."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """End with the button's answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """End with the answer of a letter key."""
        self.dismiss(yes)
