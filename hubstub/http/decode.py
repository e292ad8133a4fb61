"""Values out of bodies that nobody vouches for, msgpack or JSON: their limits hold before anything is built.

A byte of a body may take a hundred in memory (``{}`` does), and a decoder that recurses would exhaust a small stack.
So what will be built is counted in the bytes first, and the nesting is measured there.  JSON is looked at in
stretches: whatever goes over a long body in one step keeps every other thread waiting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from museui.core.decode import MAX_DEPTH, check_depth, decode_msgpack
from museui.core.errors import Invalid, TooLarge

FREE_MARKS = 1 << 16
BYTES_PER_MARK = 32
"""JSON of n bytes may have ``FREE_MARKS + n / BYTES_PER_MARK`` of the characters ``, : [ {``, in texts too."""

_STRETCH_BYTES = 1 << 18
_JSON_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*+"?'
_JSON_STRETCH = re.compile(rb'(?:[^"]{1,65536}|' + _JSON_STRING + rb"){1,1024}+", re.DOTALL)
_JSON_STRINGS = re.compile(_JSON_STRING, re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NOT_MARKS = bytes(set(range(256)) - set(b",:[{"))


def decode(body: bytes, packed: bool) -> Any:
    """The value in ``body``, which is msgpack when it is ``packed``, else JSON.

    Raises :class:`Invalid` for what is malformed or nested deeper than 32 levels, :class:`TooLarge` for what has too
    many parts for its length.  Blocks: for a worker thread when the body is long.
    """
    value = decode_msgpack(body, "the body") if packed else _decode_json(body)
    check_depth(value, "the body")
    return value


def _decode_json(body: bytes) -> Any:
    _check_marks(body)
    _check_nesting(body, whole=True)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Invalid(f"the body is not JSON: {exc}"[:200]) from exc


def _check_marks(body: bytes) -> None:
    allowed = FREE_MARKS + len(body) // BYTES_PER_MARK
    if len(body) <= allowed:
        return
    marks = 0
    for at in range(0, len(body), _STRETCH_BYTES):
        marks += len(body[at : at + _STRETCH_BYTES].translate(None, _NOT_MARKS))
        if marks > allowed:
            _check_nesting(body[:_STRETCH_BYTES], whole=False)
            raise TooLarge(
                f"the body has more parts than its {len(body)} bytes allow",
                hint="Send less at a time, or msgpack.",
                details={"max_marks": allowed},
            )


def _check_nesting(body: bytes, *, whole: bool) -> None:
    """Raise :class:`Invalid` for what is nested too deep; ``whole``: and for what is not closed."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    brackets = b"".join(_brackets(body))
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets and (whole or len(brackets) > MAX_DEPTH):
        raise Invalid(f"the body is not JSON, or nested deeper than {MAX_DEPTH} levels")


def _brackets(body: bytes) -> Iterator[bytes]:
    """The brackets of a JSON text that are not in its strings."""
    at = 0
    while stretch := _JSON_STRETCH.match(body, at):
        yield _JSON_STRINGS.sub(b"", stretch[0]).translate(None, _NOT_BRACKETS)
        at = stretch.end()
