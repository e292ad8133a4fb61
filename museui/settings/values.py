"""Values of the configuration as people write them: speeds, times of day, patterns of branches."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from fnmatch import fnmatchcase

from museui.core.errors import Invalid, Usage
from museui.core.names import check_branch

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SPEED = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([kKMG]i?B|B)/s").fullmatch
_BETWEEN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])").fullmatch
_DAY_MIN = 24 * 60
_PARTS = re.compile(r"\?|\[!?\]?[^\]]*\]").sub
_CHARACTERS = f"{string.ascii_letters}{string.digits}_é日-/."
"""Characters that are tried in place of a wildcard; those that are allowed anywhere come first."""


@dataclass(frozen=True, slots=True)
class Between:
    """A part of every day, by local time, in minutes after midnight; it may go over midnight."""

    start_min: int
    end_min: int

    def contains(self, minute: int) -> bool:
        """Return whether ``minute``, counted from midnight, lies in this part of the day."""
        return (minute - self.start_min) % _DAY_MIN < (self.end_min - self.start_min) % _DAY_MIN

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start_min, self.end_min))


def parse_between(text: object, where: str) -> Between:
    """Parse ``22:00-06:00``. Raises :class:`Usage` naming ``where``."""
    match = _BETWEEN(text) if isinstance(text, str) else None
    if match is None:
        raise Usage(f'{where} is not a part of the day like "22:00-06:00"')
    hour, minute, end_hour, end_minute = map(int, match.groups())
    between = Between(60 * hour + minute, 60 * end_hour + end_minute)
    if between.start_min == between.end_min:
        raise Usage(f"{where} begins when it ends")
    return between


def parse_speed(text: object, where: str) -> float:
    """Return ``2 MiB/s`` in bytes per second, at least 1 KiB/s. Raises :class:`Usage` naming ``where``."""
    match = _SPEED(text) if isinstance(text, str) else None
    if match is None or match[2] not in _UNITS:
        raise Usage(f'{where} is not a speed like "2 MiB/s"', hint=f"Units are {', '.join(_UNITS)}.")
    speed = float(match[1]) * _UNITS[match[2]]
    if speed < 1024:
        raise Usage(f"{where} is less than 1 KiB/s: nothing would ever arrive")
    return speed


def check_pattern(text: object) -> str:
    """Return ``text`` when it is a pattern that some branch name matches. Raises :class:`Usage`."""
    if not isinstance(text, str) or not text:
        raise Usage("a pattern of branches is a text like main or take-*")
    example = _PARTS(lambda part: _example(part[0]), text)
    fault = None
    for name in (example.replace("*", "x"), example.replace("*", "")):
        try:
            check_branch(name)
        except Invalid as exc:
            fault = fault or exc
        else:
            return text
    raise Usage(f"no branch can be called like {text!r:.100}", hint=fault.hint if fault else "")


def _example(part: str) -> str:
    """Return a character that matches ``part``: ``?`` or a set of characters in brackets."""
    # An unclosed bracket, or a set of characters that no name can have, is kept.
    return next((character for character in _CHARACTERS if fnmatchcase(character, part)), part)
