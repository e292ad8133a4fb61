"""A filter below a list: one types what to look for, enter goes back to the list, escape shows all again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from ..widgets.table import Table

if TYPE_CHECKING:
    from textual.screen import Screen

    _Screen = Screen[None]
else:
    _Screen = object  # Textual takes the style of the first of a screen's bases alone


class Filtered(_Screen):
    """For a screen with one :class:`Table`, which ends with :meth:`make_filter`."""

    def show_rows(self) -> None:
        """Show the rows that have :attr:`wanted` in them."""
        raise NotImplementedError

    def make_filter(self) -> Input:
        """The line to type in, which is not shown at first."""
        box = Input(placeholder="filter", id="filter", compact=True)
        box.display = False
        return box

    @property
    def wanted(self) -> str:
        """What is looked for; empty: all is."""
        return self.query_one(Input).value

    def action_filter(self) -> None:
        """Type what to look for."""
        self.query_one(Input).display = True
        self.query_one(Input).focus()

    def on_input_changed(self) -> None:
        """The rows follow what is typed."""
        self.show_rows()

    def on_input_submitted(self) -> None:
        """Back to the rows, filtered."""
        self.query_one(Table).focus()

    def action_close(self) -> None:
        """The filter goes first, then the screen."""
        box = self.query_one(Input)
        if box.display:
            box.value, box.display = "", False
            self.query_one(Table).focus()
        else:
            self.dismiss()
