"""Fields of a request's body, each checked, with errors that name it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, TypeVar

from museui.core.errors import Invalid, shown

T = TypeVar("T")
_MAX_PATH_BYTES, _MAX_NAME_BYTES = 4096, 255
_MAX_TEXT_CHARS = 4096


def check_known(body: Mapping[str, Any], known: set[str]) -> None:
    """Refuse fields that mean nothing here: a setting that is misspelled must not be lost in silence."""
    for name in body:
        if name not in known:
            raise Invalid(f"there is no field {name[:60]!r}", hint=f"There are: {', '.join(sorted(known))}.")


def take(body: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """The field, ``None`` when it is missing or null. Raises :class:`Invalid` when it is of another type."""
    value = body.get(name)
    if value is None:
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, str) and kind is str and (len(value) > _MAX_TEXT_CHARS or "\0" in value):
        raise Invalid(
            f"field {name!r} is not a text of at most {_MAX_TEXT_CHARS} characters: {shown(value, 60)}",
            details={"field": name},
        )
    if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
        raise Invalid(f"field {name!r} is not {kind.__name__}: {shown(value, 60)}", details={"field": name})
    return value


def need(body: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """The field. Raises :class:`Invalid` when it is missing or of another type."""
    value = take(body, name, kind)
    if value is None:
        raise Invalid(f"field {name!r} is missing", details={"field": name})
    return value


def need_path(body: Mapping[str, Any], name: str) -> str:
    """The field, as a path that a file can have. Raises :class:`Invalid`."""
    return check_file_path(need(body, name, str), name)


def check_file_path(path: str, name: str) -> str:
    """``path`` unchanged when the system can look for it; raises :class:`Invalid` naming the field ``name``."""
    parts = os.fsencode(path).split(b"/") if path.isascii() or _is_encodable(path) else None
    if not parts or "\0" in path or sum(map(len, parts)) >= _MAX_PATH_BYTES or max(map(len, parts)) > _MAX_NAME_BYTES:
        raise Invalid(f"field {name!r} is not a path that a file can have: {shown(path, 60)}", details={"field": name})
    return path


def _is_encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def take_texts(body: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """A list of texts that is not empty, ``None`` when it is missing or null."""
    value = take(body, name, list)
    if value is None:
        return None
    if not value or not all(isinstance(item, str) and 0 < len(item) <= _MAX_TEXT_CHARS for item in value):
        raise Invalid(f"field {name!r} is not a list of texts", details={"field": name})
    return tuple(value)


def take_number(query: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """A whole number in the query, ``None`` when it is not there."""
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18 or not low <= int(text) <= high:
        raise Invalid(f"{name!r} is not a whole number from {low} to {high}", details={"field": name})
    return int(text)
