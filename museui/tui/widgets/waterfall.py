"""A push's five phases as lines of text, at the width there is."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from museui.local.messages import PushView

from ..tones import STYLES
from ..view.waterfall import PhaseBar, draw_push

_TITLE, _FIGURE, _GATE, _MARK, _USUAL, _NOTE = 12, 8, 9, 2, 15, 14
_NOTED_FROM, _USUAL_FROM = 72, 72


def render_waterfall(push: PushView, width: int, now: float, usual: Mapping[str, float] | None = None) -> list[Content]:
    """Five lines of ``width`` cells. Notes, and what is usual, are there when there is room."""
    noted, compared = width >= _NOTED_FROM + (_USUAL if usual else 0), bool(usual) and width >= _USUAL_FROM
    fixed = _TITLE + _FIGURE + _GATE + _MARK + 3 + _NOTE * noted + _USUAL * compared
    bars = max(8, width - fixed)
    return [_line(bar, bars, noted, compared) for bar in draw_push(push, bars, now, usual)]


def _line(bar: PhaseBar, width: int, noted: bool, compared: bool) -> Content:
    return Content.assemble(
        f"{bar.title:<{_TITLE}}",
        ("▏", STYLES["quiet"]),
        " " * bar.lead,
        (bar.bar, STYLES[bar.tone]),
        (bar.rest, STYLES["quiet"]),
        " " * (width - bar.lead - len(bar.bar) - len(bar.rest)),
        f"{bar.figure:>{_FIGURE}} ",
        (f"{bar.gate:<{_GATE}}", STYLES["quiet"]),
        (f"{bar.mark:<{_MARK}}", STYLES[bar.tone]),
        (f"{bar.usual:<{_USUAL}}" if compared else "", STYLES["quiet"]),
        (bar.note if noted else "", STYLES["quiet"]),
    )
