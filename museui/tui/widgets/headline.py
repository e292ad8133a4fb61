"""The top line: whether all is safe, and the states of daemon and hubs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from museui.core.figures import one_line

from ..colors import COLORS
from ..view.headline import Headline, Part


class HeadlineBar(Widget):
    """Draws the daemon and the hubs at the left, the verdict and the time at the right."""

    DEFAULT_CSS = "HeadlineBar { height: 1; padding: 0 1; background: $panel; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown = (Headline("quiet", (), ()), "")

    def show(self, headline: Headline, now: float) -> None:
        """Show this headline and the time ``now``."""
        shown = (headline, time.strftime("%H:%M", time.localtime(now)))
        if shown != self.shown:
            self.shown = shown
            self.refresh()

    def render(self) -> Content:
        """Return the line. The verdict is never cut; without room, daemon and hubs that are well are left out."""
        headline, clock = self.shown
        right = Content.assemble(*_spread(headline.verdict, "  "), "  ", (clock, COLORS["quiet"]))
        width = self.size.width
        room = width - right.cell_length - 1
        places = list(headline.places)
        left = _left(places)
        while left.cell_length > room and (well := [part for part in places if part.tone == "good"]):
            places.remove(well[0])
            left = _left(places)
        if left.cell_length > room:
            left = left.truncate(max(0, room), ellipsis=True)
        return Content.assemble(left, " " * max(1, width - left.cell_length - right.cell_length), right)


def _left(places: list[Part]) -> Content:
    return Content.assemble(("MuseUI", "bold $primary"), "  ", *_spread(places, "  "))


def _spread(parts: Sequence[Part], between: str) -> list[tuple[str, str] | str]:
    pieces: list[tuple[str, str] | str] = []
    for part in parts:
        pieces += [between] if pieces else []
        pieces.append((one_line(part.text), COLORS[part.tone]))
    return pieces
