"""The top line: whether all is safe, and who is there."""

from __future__ import annotations

import time

from textual.content import Content
from textual.widgets import Static

from ..tones import STYLES
from ..view.headline import Headline, Part


class HeadlineBar(Static):
    """The program's name and places at the left, the verdict and the time at the right."""

    DEFAULT_CSS = "HeadlineBar { height: 1; padding: 0 1; background: $panel; }"

    def show(self, headline: Headline, now: float) -> None:
        """Show this."""
        left = Content.assemble(("MuseUI", "bold $primary"), "  ", *_spread(headline.places, "  "))
        right = Content.assemble(
            *_spread(headline.verdict, "  "), "  ", (time.strftime("%H:%M", time.localtime(now)), "$text-muted")
        )
        width = self.size.width - 2
        room = width - right.cell_length - 1
        if left.cell_length > room:
            left = left.truncate(max(0, room), ellipsis=True)
        self.update(Content.assemble(left, " " * max(1, width - left.cell_length - right.cell_length), right))


def _spread(parts: tuple[Part, ...], between: str) -> list[tuple[str, str] | str]:
    pieces: list[tuple[str, str] | str] = []
    for part in parts:
        pieces += [between, (part.text, STYLES[part.tone])] if pieces else [(part.text, STYLES[part.tone])]
    return pieces
