"""A whole msgpack message that nobody vouches for: what it would become in memory is bounded before it is built.

A byte of a message may take a hundred in memory (an empty map does), and a value that nests may exhaust a stack.
"""

from __future__ import annotations

from typing import Any

from .errors import Invalid
from .unpack import StreamUnpacker

MAX_DEPTH = 32


def decode_msgpack(body: bytes, what: str) -> Any:
    """Return the value in ``body``, which ``what`` names in errors.

    Raises :class:`Invalid` for what is malformed, :class:`~museui.core.errors.TooLarge` for what has too many parts for
    its length. How deep it nests is for :func:`check_depth` to see.
    """
    source = StreamUnpacker([body], max(len(body), 1))
    try:
        value = source.value()
        source.finish()
    except Invalid as exc:
        raise Invalid(exc.message.replace("the bundle", what), details=exc.details) from exc
    return value


def check_depth(value: Any, what: str) -> None:
    """Raise :class:`Invalid` for a value that nests deeper than 32 levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return
        level = below
    if any(isinstance(item, (dict, list)) for item in level):
        raise Invalid(f"{what} is nested deeper than {MAX_DEPTH} levels")
