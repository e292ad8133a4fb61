"""The five phases of a push as lines of text."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from museui.local.messages import PushView

from ..colors import COLORS
from ..view.waterfall import PhaseBar, draw_push

_TITLE, _FIGURE, _GATE, _SYMBOL, _USUAL, _NOTE = 12, 8, 9, 2, 15, 14
_NOTED_FROM, _USUAL_FROM = 72, 72


def render_waterfall(push: PushView, width: int, now: float, usual: Mapping[str, float] | None = None) -> list[Content]:
    """Return five lines of ``width`` cells. Notes and usual durations are left out when there is no room."""
    noted, compared = width >= _NOTED_FROM + (_USUAL if usual else 0), bool(usual) and width >= _USUAL_FROM
    fixed = _TITLE + _FIGURE + _GATE + _SYMBOL + 3 + _NOTE * noted + _USUAL * compared
    bars = max(8, width - fixed)
    return [_line(bar, bars, noted, compared) for bar in draw_push(push, bars, now, usual)]


def _line(bar: PhaseBar, width: int, noted: bool, compared: bool) -> Content:
    return Content.assemble(
        f"{bar.title:<{_TITLE}}",
        ("▏", COLORS["quiet"]),
        " " * bar.lead,
        (bar.bar, COLORS[bar.tone]),
        (bar.rest, COLORS["quiet"]),
        " " * (width - bar.lead - len(bar.bar) - len(bar.rest)),
        f"{bar.figure:>{_FIGURE}} ",
        (f"{bar.gate:<{_GATE}}", COLORS["quiet"]),
        (f"{bar.symbol:<{_SYMBOL}}", COLORS[bar.tone]),
        (f"{bar.usual:<{_USUAL}}" if compared else "", COLORS["quiet"]),
        (bar.note if noted else "", COLORS["quiet"]),
    )
