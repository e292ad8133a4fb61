"""The characters that can be shown as they are: one rule for terminals, pages, and names that people read.

What joins letters and emoji (U+200C, U+200D) and what chooses a glyph are parts of how people write, and are shown.
"""

from __future__ import annotations

import re

CONTROLS = "\x00-\x1f\x7f-\x9f"
"""Inside the brackets of a regular expression: what steers a terminal."""
UNSEEN = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
"""So, too: what ends a line, turns the direction of writing, or has no width: it makes one name look like another."""

has_unseen = re.compile(f"[{UNSEEN}]").search
_of_a_line = re.compile(f"[{CONTROLS}{UNSEEN}]")
_of_a_text = re.compile(f"[{CONTROLS}{UNSEEN}](?<![\t\n])")


def is_line(text: str) -> bool:
    """Return whether ``text`` is one line in which people see every character."""
    return text.isprintable() and not has_unseen(text)


def escape_line(text: str) -> str:
    """Return ``text`` on one line, with what cannot be shown as it is written as escapes."""
    return _of_a_line.sub(_escape, text)


def escape_text(text: str) -> str:
    """As :func:`escape_line`, but lines and tabs stay."""
    return _of_a_text.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"
