"""``Range`` of one stretch of bytes (RFC 9110, section 14)."""

from __future__ import annotations

import re

_SINGLE = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII).fullmatch


class Unsatisfiable(Exception):
    """The range begins beyond the end."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Offset and length of the stretch that ``header`` asks for of ``size`` bytes.

    None for the whole: without a header, and for what is malformed or asks for several stretches, which a server may
    ignore.  Raises :class:`Unsatisfiable`.
    """
    match = _SINGLE(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        if not length:
            raise Unsatisfiable
        return size - length, length
    start = int(match[1])
    end = int(match[2]) if match[2] else size - 1
    if match[2] and end < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(end, size - 1) - start + 1
