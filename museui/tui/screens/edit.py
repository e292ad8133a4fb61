"""Dialog to edit a text. An error of the daemon is shown below the text, which stays to be corrected."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from museui.core.errors import MuseError
from museui.core.figures import one_line

from ..app_protocol import as_muse
from ..requests import Request


class Edit(ModalScreen[None]):
    """Sends ``request`` of the edited text to the daemon, and closes when it succeeded.

    ``request`` may raise :class:`MuseError` for a text that is invalid.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "leave it")]
    DEFAULT_CSS = """
    Edit { align: center middle; }
    Edit > Vertical { width: 68; max-width: 90%; height: auto; padding: 1 2; }
    Edit > Vertical { border: round $primary; background: $panel; }
    Edit Static { width: 1fr; color: $quiet; }
    Edit #wrong { color: $error; }
    Edit Input { margin: 1 0; background: $background; padding: 0 1; }
    """

    def __init__(self, title: str, text: str, help: str, request: Callable[[str], Request[str]]) -> None:
        super().__init__()
        self._title, self._text, self._help, self._request = title, text, help, request

    def compose(self) -> ComposeResult:
        """Yield the explanation, the text and the line for an error."""
        with Vertical() as box:
            box.border_title = one_line(self._title).replace("[", "\\[")
            yield Static(self._help, markup=False)
            yield Input(self._text, compact=True)
            yield Static("enter keeps it, escape leaves it as it was", id="wrong-hint", markup=False)
            yield Static("", id="wrong", markup=False)

    def on_mount(self) -> None:
        """Hide the line for an error."""
        self.query_one("#wrong").display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the request."""
        try:
            request = self._request(event.value)
        except MuseError as exc:
            self._refused(exc)
        else:
            as_muse(self.app).ask(request, self._done, self._refused)

    def _done(self, text: str) -> None:
        if self.is_current:
            as_muse(self.app).say(text)
            self.dismiss()

    def _refused(self, error: MuseError) -> None:
        if self.is_current:
            wrong = self.query_one("#wrong", Static)
            wrong.update("\n".join(one_line(text) for text in (error.message, error.hint or "") if text))
            wrong.display = True
