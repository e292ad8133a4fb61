"""A text to be changed; what the daemon has against it is said where it was typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from museui.core.errors import MuseError
from museui.core.figures import one_line

from ..asking import ask_daemon
from ..wishes import Wish

if TYPE_CHECKING:
    from ..app import MuseApp


class Edit(ModalScreen[None]):
    """``wish``: what is asked of the daemon for a text; it may raise our errors itself."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "leave it")]
    DEFAULT_CSS = """
    Edit { align: center middle; }
    Edit > Vertical { width: 68; max-width: 90%; height: auto; padding: 1 2; }
    Edit > Vertical { border: round $primary; background: $panel; }
    Edit Static { width: 1fr; color: $quiet; }
    Edit #wrong { color: $error; }
    Edit Input { margin: 1 0; background: $background; padding: 0 1; }
    """

    def __init__(self, title: str, text: str, help: str, wish: Callable[[str], Wish]) -> None:
        super().__init__()
        self._title, self._text, self._help, self._wish = title, text, help, wish

    def compose(self) -> ComposeResult:
        """What it is about, the text, what is wrong with it."""
        with Vertical() as box:
            box.border_title = one_line(self._title).replace("[", "\\[")
            yield Static(self._help, markup=False)
            yield Input(self._text, compact=True)
            yield Static("enter keeps it, escape leaves it as it was", id="wrong-hint", markup=False)
            yield Static("", id="wrong", markup=False)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.query_one("#wrong").display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask for it."""
        try:
            wish = self._wish(event.value)
        except MuseError as exc:
            self._answered(exc)
            return
        ask_daemon(cast("MuseApp", self.app), wish, self._answered)

    def _answered(self, answer: str | MuseError) -> None:
        if not self.is_current:
            return
        if isinstance(answer, MuseError):
            wrong = self.query_one("#wrong", Static)
            wrong.update("\n".join(one_line(text) for text in (answer.message, answer.hint or "") if text))
            wrong.display = True
        else:
            cast("MuseApp", self.app).say(answer)
            self.dismiss()
