"""One form for every ``--json`` document: ids as ``sha256:<hex>``, times as ISO 8601 in UTC.

``docs/json.md`` describes the documents; local protocol and records keep their own forms.
"""

from __future__ import annotations

import re
from typing import Any

from .ids import qualified

_ID_KEYS = frozenset(
    {"commit", "snapshot", "object", "bundle", "item", "parent", "parents", "missing", "expected", "former", "subject"}
)
_TIME_KEYS = frozenset({"at", "since", "unsafe_since", "until", "paused_until"})
_VERBATIM = frozenset({"settings"})
"""Keys of what a person has written, which is given back as it stands."""
_DAY_MS = 86_400_000
_END_S = 253_402_300_800
"""Beginning of the year 10000."""
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
    """Return a time, in seconds since 1970, to the millisecond; ``None`` outside the years 1970 to 9999."""
    if not 0 <= seconds < _END_S:
        return None
    days, rest_ms = divmod(int(seconds * 1000), _DAY_MS)
    year, month, day = _date_of(days)
    clock = f"{rest_ms // 3_600_000:02}:{rest_ms // 60_000 % 60:02}:{rest_ms // 1000 % 60:02}.{rest_ms % 1000:03}"
    return f"{year:04}-{month:02}-{day:02}T{clock}Z"


def _date_of(days: int) -> tuple[int, int, int]:
    """Return year, month and day of the Gregorian calendar, so many days after 1970-01-01.

    Arithmetic alone, since this package reads no clock: "civil_from_days" of Howard Hinnant's chrono algorithms.
    """
    era, of_era = divmod(days + 719_468, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * of_year + 2) // 153
    month = from_march + 3 if from_march < 10 else from_march - 9
    return year_of_era + era * 400 + (month <= 2), month, of_year - (153 * from_march + 2) // 5 + 1
