"""One form for every ``--json`` document: ids as ``sha256:<hex>``, times as ISO 8601 in UTC.

``docs/json.md`` describes the documents; local protocol and records keep their own forms.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from ..core.ids import qualified

_ID_KEYS = frozenset(
    {"commit", "snapshot", "object", "bundle", "item", "parent", "parents", "missing", "expected", "former"}
)
_TIME_KEYS = frozenset({"at", "since", "unsafe_since", "until", "paused_until"})
_VERBATIM = frozenset({"settings"})
"""Keys of what a person has written, which is given back as it stands."""
_is_id = re.compile(r"[0-9a-f]{64}").fullmatch


def uniform(document: Any) -> Any:
    """Return ``document`` with bare ids qualified, and numbers that are times as ``2026-11-30T19:46:05.075Z``.

    Keys tell what is an id (``head``, ``commit``, ``…_id``, …) and what is a time (``…_at``, ``since``, …). A time that
    no calendar has becomes ``None``.
    """
    return _uniform(document, "")


def _uniform(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: item if name in _VERBATIM else _uniform(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_uniform(item, key) for item in value]
    if isinstance(value, str):
        return qualified(value) if _is_id(value) and _names_id(key) else value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and _names_time(key):
        return render_utc(value)
    return value


def _names_id(key: str) -> bool:
    return key in _ID_KEYS or key.endswith(("head", "heads", "_id", "_ids"))


def _names_time(key: str) -> bool:
    return key in _TIME_KEYS or key.endswith("_at")


def render_utc(seconds: float) -> str | None:
    """Return a time, in seconds since 1970, to the millisecond; ``None`` when no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
