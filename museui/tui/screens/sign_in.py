"""Dialog to sign in to a hub with its address and a token, which is not displayed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from museui.core.errors import MuseError
from museui.core.figures import one_line

from ..app_protocol import as_muse
from ..login import sign_in


class SignIn(ModalScreen[None]):
    """Closes when the hub has accepted the token."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "leave it")]
    DEFAULT_CSS = """
    SignIn { align: center middle; }
    SignIn > Vertical { width: 68; max-width: 90%; height: auto; padding: 1 2; }
    SignIn > Vertical { border: round $primary; background: $panel; }
    SignIn Static { width: 1fr; color: $quiet; }
    SignIn #wrong { color: $error; }
    SignIn Input { margin-bottom: 1; background: $background; padding: 0 1; }
    """

    def __init__(self, hub: str) -> None:
        super().__init__()
        self._hub = hub

    def compose(self) -> ComposeResult:
        """Yield the inputs and the line for an error."""
        with Vertical() as box:
            box.border_title = "Sign in to a hub"
            none_yet = "" if self._hub else ". No hub yet? In another terminal: museui hub serve"
            yield Static(f"The hub's address{none_yet}")
            yield Input(self._hub, placeholder="https://hub.example", id="hub", compact=True)
            yield Static("A token. On the hub's machine, museui hub token create USER creates one")
            yield Input(password=True, id="token", compact=True)
            yield Static("enter signs in, escape cancels", markup=False)
            yield Static("", id="wrong", markup=False)

    def on_mount(self) -> None:
        """Focus the token when the address is known."""
        if self._hub:
            self.query_one("#token").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go from the address to the token; from the token, sign in."""
        hub, token = self.query_one("#hub", Input).value.strip(), self.query_one("#token", Input).value.strip()
        if event.input.id == "hub":
            self.query_one("#token").focus()
        elif not hub or not token:
            self._say("Address and token are both needed.")
        else:
            self._say("asking the hub …")
            self._try(hub, token)

    def _try(self, hub: str, token: str) -> None:
        as_muse(self.app).in_background(lambda: sign_in(hub, token), self._done, self._refused)

    def _say(self, text: str) -> None:
        self.query_one("#wrong", Static).update(text)

    def _refused(self, error: MuseError) -> None:
        if self in self.app.screen_stack:
            self._say(one_line(f"{error.message}. {error.hint or ''}"))

    def _done(self, text: str) -> None:
        if self in self.app.screen_stack:
            muse = as_muse(self.app)
            muse.say(text if muse.news.state.repositories else f"{text}; a adds a repository")
            self.dismiss()
