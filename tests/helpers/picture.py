"""A picture of the terminal interface: an SVG that is the same wherever and whenever the same is on the screen.

Textual's own has names that change, a font to load, and a dark frame around a light theme. Two pictures are compared
by what is read on them first, so that what differs is said in lines of text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape, unescape
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.color import Color

_FONT_PX, _CELL_PX, _LINE_PX, _EDGE_PX = 20, 12, 23, 10
"""Letters are as wide, and the lines of boxes meet, as in DejaVu Sans Mono and its like; other fonts are stretched."""
_BLANK = "\N{NO-BREAK SPACE}"
_FONTS = 'font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace'
EDGES = "│╭╮╰╯▏"
"""Characters of vertical lines and corners, each drawn by itself."""
_PIECES = re.compile(rf"[{EDGES}]|[^\s{EDGES}]+(?: [^\s{EDGES}]+)*")
TEXT = re.compile(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')


def take_picture(app: App[Any]) -> str:
    """What ``app`` shows."""
    width, height = app.size
    colors = _Colors(app)
    rects: list[str] = []
    texts: list[str] = []
    for y, strip in enumerate(app.screen._compositor.render_strips(app.size)):
        runs = list(_runs(strip, colors))
        rects += _draw_backgrounds(runs, y, colors.background)
        texts += _draw_texts(runs, y)
    size = f"{_px(width * _CELL_PX + 2 * _EDGE_PX)} {_px(height * _LINE_PX + 2 * _EDGE_PX)}"
    head = [
        f'<svg viewBox="0 0 {size}" xmlns="http://www.w3.org/2000/svg">',
        f"<style>text {{ font-size: {_FONT_PX}px; {_FONTS} }}</style>",
        f'<rect fill="{colors.background}" stroke="{colors.edge}" width="100%" height="100%" rx="{_EDGE_PX}"/>',
    ]
    return "\n".join([*head, '<g shape-rendering="crispEdges">', *rects, "</g>", *texts, "</svg>", ""])


def _draw_backgrounds(runs: Iterable[_Run], y: int, plain: str) -> Iterator[str]:
    x = 0
    for background, same in groupby(runs, lambda run: run.background):
        cells = sum(cell_len(run.text) for run in same)
        if background != plain:
            size = f'width="{_px(cells * _CELL_PX)}" height="{_px(_LINE_PX)}"'
            yield f'<rect fill="{background}" {_place(x, y)} {size}/>'
        x += cells


def _draw_texts(runs: Iterable[_Run], y: int) -> Iterator[str]:
    """Draw each word group and each edge of a box at its own cell.

    A run that is stretched as a whole would put its last letters where the viewer's font, and not the cell, has them:
    the right edge of a box would jump between rows with text and rows without.
    """
    x = 0
    for run in runs:
        for piece in _PIECES.finditer(run.text):
            words = piece.group()
            size = f'textLength="{_px(cell_len(words) * _CELL_PX)}" lengthAdjust="spacingAndGlyphs"'
            look = f'fill="{run.foreground}"{run.font}'
            shown = escape(words, quote=False).replace(" ", _BLANK)  # some programs draw plain blanks as one
            yield f"<text {_place(x + cell_len(run.text[: piece.start()]), y, 0.8)} {size} {look}>{shown}</text>"
        x += cell_len(run.text)


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbours that look the same."""

    text: str
    foreground: str
    background: str
    font: str


class _Colors:
    """The theme's, and what a style comes to."""

    def __init__(self, app: App[Any]) -> None:
        self.background, self.foreground, self.edge = (
            Color.parse(app.theme_variables[name]).hex6.lower() for name in ("background", "foreground", "border-quiet")
        )
        self._theme = TerminalTheme(Color.parse(self.background).rgb, Color.parse(self.foreground).rgb, [(0, 0, 0)] * 8)

    def of(self, style: Style) -> tuple[str, str]:
        """Foreground and background."""
        pair = [
            color.get_truecolor(self._theme, foreground=is_foreground).hex if color else default
            for color, is_foreground, default in (
                (style.color, True, self.foreground),
                (style.bgcolor, False, self.background),
            )
        ]
        front, back = reversed(pair) if style.reverse else pair
        if style.dim:
            front = Color.parse(front).blend(Color.parse(back), 0.4).hex6.lower()
        return front, back


def _runs(strip: Iterable[Segment], colors: _Colors) -> Iterator[_Run]:
    held: _Run | None = None
    for text, style, _ in strip:
        style = style or Style()
        font = (' font-weight="bold"' if style.bold else "") + (' font-style="italic"' if style.italic else "")
        font += ' text-decoration="underline"' if style.underline else ""
        run = _Run(text, *colors.of(style), font)
        if held and run.background == held.background and (not text.strip() or replace(run, text=held.text) == held):
            held = replace(held, text=held.text + text)
            continue
        if held:
            yield held
        held = run
    if held:
        yield held


def _place(x: int, y: int, down: float = 0.0) -> str:
    return f'x="{_px(_EDGE_PX + x * _CELL_PX)}" y="{_px(_EDGE_PX + (y + down) * _LINE_PX)}"'


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def read_text(svg: str) -> list[str]:
    """The lines of text on a picture, but for those that are empty."""
    lines: dict[float, str] = {}
    for x, y, text in TEXT.findall(svg):
        before, column = lines.get(float(y), ""), round((float(x) - _EDGE_PX) / _CELL_PX)
        lines[float(y)] = before + " " * (column - cell_len(before)) + unescape(text).replace(_BLANK, " ")
    return [lines[y] for y in sorted(lines)]


def find_difference(wanted: str, got: str) -> str:
    """In what two pictures differ, in lines; empty when they do not."""
    if wanted == got:
        return ""
    texts = list(difflib.unified_diff(read_text(wanted), read_text(got), "the file", "now", lineterm="", n=0))
    if texts:
        return "\n".join(texts)
    lines = list(difflib.unified_diff(wanted.splitlines(), got.splitlines(), lineterm="", n=0))
    return "\n".join(["the text is the same; what it looks like is not:", *lines[2:12]])


def check_picture(path: Path, svg: str, *, write: bool) -> str:
    """Compare ``svg`` with the file, or ``write`` it; what differs."""
    if write:
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg)
        return ""
    if not path.exists():
        return f"{path.name} is not there"
    difference = find_difference(path.read_text(), svg)
    return f"{path.name} is another picture now:\n{difference}" if difference else ""
