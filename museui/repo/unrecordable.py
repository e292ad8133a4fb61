"""Files that no record can hold: which rule each breaks, and what is said of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import Busy, Invalid, MuseError
from ..core.limits import Limits
from ..core.names import MAX_PATH_BYTES, check_path

ACCESS_HINT = "Make it readable, or leave it out with a pattern in .museignore."
UNTRACK_HINT = "Bring the file back, or drop it from the record: museui untrack PATH"
_NAMED_AT_MOST = 5
_IN_DETAILS = 100
_has_control = re.compile(r"[\x00-\x1f\x7f]").search
_has_drive = re.compile(r"[A-Za-z]:").match


@dataclass(frozen=True, slots=True)
class Unrecordable:
    """A file, or a folder (``path`` ends in ``/``), that cannot be recorded, and the rule that says so.

    ``passing``: another try may do. ``path`` is as people read it.
    """

    path: str
    rule: str
    hint: str
    passing: bool = False


def readable(path: str) -> str:
    """Return a path as people read it: bytes that are no text are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def name_rule(path: str) -> str:
    """Return the rule that a path breaks which no record may hold; empty when it may be recorded."""
    if ".git" in path.casefold().split("/"):
        return "a part of its path is called .git, and Git would take what is in there for its own"
    try:
        check_path(path)
    except Invalid:
        return _broken_rule(path)
    return ""


def _broken_rule(path: str) -> str:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "its name is not valid UTF-8"
    if size > MAX_PATH_BYTES:
        return f"its path is longer than {MAX_PATH_BYTES:,} bytes"
    if _has_control(path):
        return "its name holds a control character"
    if "\\" in path:
        return "its name holds a backslash"
    if _has_drive(path):
        return "its path begins with a letter and a colon, as that of a drive does"
    return "no record may hold its name"


def size_rule(size_bytes: int) -> str:
    """Return the rule that a file of this size breaks; empty when it may be recorded.

    A larger file would be in the record for ever, and no hub would take the record.
    """
    limit = Limits().max_object_bytes
    return f"it has {size_bytes:,} bytes, more than the {limit:,} that a hub takes" if size_bytes > limit else ""


def rule_of(exc: OSError) -> str:
    """Return the rule that a file breaks which the system does not let us read."""
    return f"it cannot be read: {exc.strerror or exc}"


def unrecordable_error(found: Sequence[Unrecordable], *, recorded_rest: bool = False) -> MuseError | None:
    """Return what is to be said of files that cannot be recorded; ``None`` when there are none.

    ``recorded_rest``: whether all else was recorded just now.
    """
    if not found:
        return None
    named = "; ".join(f"{item.path}: {item.rule}" for item in found[:_NAMED_AT_MOST])
    more = f"; and {len(found) - _NAMED_AT_MOST:,} more" if len(found) > _NAMED_AT_MOST else ""
    count = "1 file" if len(found) == 1 else f"{len(found):,} files"
    kind = Busy if all(item.passing for item in found) else Invalid
    return kind(
        f"{count} cannot be recorded{', all else is' if recorded_rest else ''}: {named}{more}",
        hint=found[0].hint,
        details={
            "rule": "unrecordable",
            "count": len(found),
            "unrecordable": [{"path": item.path, "rule": item.rule} for item in found[:_IN_DETAILS]],
        },
    )
