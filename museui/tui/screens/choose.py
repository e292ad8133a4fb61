"""Dialog to choose one of several options. The cursor begins on the present one; escape changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from museui.core.figures import one_line


class Choose(ModalScreen[str]):
    """Ends with the id of the chosen option, or None. ``options`` are pairs of id and title."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "leave it"),
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
    ]
    DEFAULT_CSS = """
    Choose { align: center middle; }
    Choose > OptionList { width: 44; height: auto; max-height: 80%; padding: 0 1; }
    Choose > OptionList, Choose > OptionList:focus { border: round $primary; background: $panel; }
    """

    def __init__(self, title: str, options: Sequence[tuple[str, str]], now: str = "") -> None:
        super().__init__()
        self._title, self._options, self._now = title, options, now

    def compose(self) -> ComposeResult:
        """Yield the list of options."""
        options = [Option(Content(one_line(name)), id=key) for key, name in self._options]
        yield OptionList(*options)

    def on_mount(self) -> None:
        """Move the cursor to the present option."""
        options = self.query_one(OptionList)
        options.border_title = Content(one_line(self._title))
        options.highlighted = next((place for place, (key, _) in enumerate(self._options) if key == self._now), 0)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """End with the option chosen by enter or mouse."""
        self.dismiss(event.option.id)

    def action_move(self, way: str) -> None:
        """Move the cursor as the arrow keys do."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if way == "down" else options.action_cursor_up()
