"""Signing in to a hub: its address, and a token that is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from museui.core.errors import MuseError
from museui.core.figures import one_line

from ..asking import do_aside
from ..login import sign_in

if TYPE_CHECKING:
    from ..app import MuseApp


class SignIn(ModalScreen[None]):
    """Stays until the hub has taken the token."""

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
        """Address, token, what is wrong."""
        with Vertical() as box:
            box.border_title = "Sign in to a hub"
            none_yet = "" if self._hub else ". There is none yet? In another terminal: museui hub serve"
            yield Static(f"The hub's address{none_yet}")
            yield Input(self._hub, placeholder="https://hub.example", id="hub", compact=True)
            yield Static("A token. Where the hub runs, museui hub token create USER makes one")
            yield Input(password=True, id="token", compact=True)
            yield Static("enter tries it, escape leaves", markup=False)
            yield Static("", id="wrong", markup=False)

    def on_mount(self) -> None:
        """With an address, the token is what is missing."""
        if self._hub:
            self.query_one("#token").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes from the address to the token, and from there to the hub."""
        hub, token = self.query_one("#hub", Input).value.strip(), self.query_one("#token", Input).value.strip()
        if event.input.id == "hub":
            self.query_one("#token").focus()
        elif not hub or not token:
            self._say("Both are needed.")
        else:
            self._say("asking the hub …")
            self._try(hub, token)

    def _try(self, hub: str, token: str) -> None:
        def hear(answer: str | MuseError) -> None:
            if self not in self.app.screen_stack:
                return
            if isinstance(answer, MuseError):
                self._say(one_line(f"{answer.message}. {answer.hint or ''}"))
            else:
                self._done(answer)

        do_aside(cast("MuseApp", self.app), lambda: sign_in(hub, token), hear)

    def _say(self, text: str) -> None:
        self.query_one("#wrong", Static).update(text)

    def _done(self, said: str) -> None:
        muse = cast("MuseApp", self.app)
        muse.say(said if muse.news.state.repositories else f"{said}; a adds a repository")
        self.dismiss()
