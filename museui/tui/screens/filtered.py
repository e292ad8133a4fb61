"""A filter line below a table: enter returns to the filtered rows, escape shows all rows again."""

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
    """Mixin for a screen with one :class:`Table` whose body ends with :meth:`make_filter`."""

    def show_rows(self) -> None:
        """Show the rows that match :attr:`wanted`."""
        raise NotImplementedError

    def make_filter(self) -> Input:
        """Return the input of the filter, hidden at first."""
        box = Input(placeholder="filter", id="filter", compact=True)
        box.display = False
        return box

    @property
    def wanted(self) -> str:
        """The filter's text; empty: every row matches."""
        return self.query_one(Input).value

    def action_filter(self) -> None:
        """Show and focus the filter."""
        self.query_one(Input).display = True
        self.query_one(Input).focus()

    def on_input_changed(self) -> None:
        """Filter the rows as the person types."""
        self.show_rows()

    def on_input_submitted(self) -> None:
        """Return to the filtered rows."""
        self.query_one(Table).focus()

    def action_close(self) -> None:
        """Close the filter; without one, the screen."""
        box = self.query_one(Input)
        if box.display:
            box.value, box.display = "", False
            self.query_one(Table).focus()
        else:
            self.dismiss()
