"""How many terminal cells a text takes: letters of East Asian scripts and emoji take two, accents none."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_SKIN_TONES = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


def cell_width(text: str) -> int:
    """Return the number of terminal cells that ``text``, one line without control characters, takes.

    Follows Unicode's East Asian Width (UAX #11) and emoji sequences (UTS #51): parts that are joined to an emoji take
    no cells of their own. Ambiguous characters count as one.
    """
    if text.isascii():
        return len(text)
    total = last = 0
    joined = False
    for char in text:
        if char == _EMOJI_STYLE:
            width = 2 - last if last == 1 else 0
        elif joined or (char in _SKIN_TONES and last == 2):
            width = 0
        else:
            width = _width_of(char)
        joined = char == _JOINER and last == 2
        total += width
        last = min(2, last + width) if char == _EMOJI_STYLE else width or last
    return total


def pad(text: str, width: int) -> str:
    """Return ``text`` with spaces behind it, so that it takes ``width`` terminal cells at least."""
    return text + " " * (width - cell_width(text))


def _width_of(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
