"""Sizes, lengths of time and foreign text as people read them on a terminal."""

from __future__ import annotations

from .printable import escape_line

_STEPS = ((60.0, "s"), (60.0, "min"), (24.0, "h"), (365.0, "d"))


def render_bytes(size: float) -> str:
    """``47.0 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def render_seconds(seconds: float) -> str:
    """``21 ms`` below a second, ``1.08 s`` above."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def render_span(seconds: float) -> str:
    """A length of time in one rounded unit, for a glance: ``now``, ``8 s``, ``5 min``, ``3 h``, ``12 d``, ``2 y``."""
    value = max(0.0, seconds)
    if value < 1:
        return "now"
    for size, unit in _STEPS:
        if value < size:
            return f"{int(value)} {unit}"
        value /= size
    return f"{int(value)} y"


def render_until(at: float, now: float) -> str:
    """How long it is until ``at``: ``8 s``, ``5 min``, ``3 h``; ``now`` when it is past."""
    seconds = at - now
    if seconds <= 0:
        return "now"
    if seconds < 120:
        return f"in {seconds:.0f} s"
    return f"in {seconds / 60:.0f} min" if seconds < 7200 else f"in {seconds / 3600:.0f} h"


def render_count(number: int, noun: str, plural: str = "") -> str:
    """``1 commit``, ``1,035 commits``; ``plural`` where an s will not do."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def one_line(text: str) -> str:
    """``text`` on one line, with what could steer a terminal or that nobody can see written as escapes."""
    return escape_line(text)


def shorten(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, its middle left out."""
    if len(text) <= width:
        return text
    if width < 3:
        return text[:width]
    right = (width - 1) // 2
    return f"{text[: width - 1 - right]}…{text[len(text) - right :]}"
