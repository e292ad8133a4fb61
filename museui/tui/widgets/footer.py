"""The bottom line: the keys of this screen, as many as there is room for; a click does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from ..actions import Action, footer_actions, show_keys

if TYPE_CHECKING:
    from ..app import MuseApp


class KeyBar(Widget):
    """The keys of the screen ``where``."""

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; padding: 0 1; background: $panel; link-style: none; link-color: $foreground; }
    """

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def render(self) -> Content:
        """As many as fit."""
        actions = cast("MuseApp", self.app).actions
        return Content("  ").join(
            self._entry(action) for action in footer_actions(self._where, self.size.width + 2, actions)
        )

    def _entry(self, action: Action) -> Content:
        namespace = "app" if action.where == "everywhere" else "screen"
        entry = Content.assemble(
            (show_keys(action.keys.partition(",")[0]), "bold $primary"), " ", (action.label, "$foreground")
        )
        return entry.stylize(Style.from_meta({"@click": f"{namespace}.{action.do}"}))
