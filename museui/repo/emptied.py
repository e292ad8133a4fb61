"""Work that is suddenly gone from many files at once: emptied by a power cut, or absent because a disk is.

Whoever empties or removes files on purpose says so; no program takes it for work by itself.  A file counts as emptied
when it held something and now has no bytes, or NULs alone, as some file systems leave it after a power cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.errors import Integrity
from ..core.ids import EMPTY_OBJECT, ObjectId
from .contents import Contents

_FEW = 2
_MANY_EMPTIED = 10
_EMPTIED_SHARE = 0.1
_MISSING_SHARE = 0.5
_NAMED_AT_MOST = 5
_IN_DETAILS = 100


@dataclass(frozen=True, slots=True)
class Emptied:
    """Recorded files that held something: those that hold nothing now, and those that are not there, nor moved."""

    files: tuple[str, ...]
    missing: tuple[str, ...]
    recorded: int
    """Number of recorded files that held something."""
    there: int
    """Number of files that there are now."""

    @property
    def is_mass(self) -> bool:
        """Whether it is too much to be somebody's work.

        Emptied: ten files, or two that are more than a tenth of all, or the only one. Gone: two that are, with those
        emptied, more than half of all. Or there is no file left at all.
        """
        emptied, gone = len(self.files), len(self.files) + len(self.missing)
        if emptied >= _MANY_EMPTIED or (emptied >= _FEW and emptied > _EMPTIED_SHARE * self.recorded):
            return True
        if gone >= _FEW and gone > _MISSING_SHARE * self.recorded:
            return True
        return gone > 0 and (emptied == self.recorded or self.there == 0)

    def error(self) -> Integrity | None:
        """Return what is to be said of it; ``None`` when it is no mass."""
        if not self.is_mass:
            return None
        counts = [(self.files, "suddenly empty"), (self.missing, "suddenly gone")]
        parts = " and ".join(
            f"{len(paths):,} {'is' if len(paths) == 1 else 'are'} {word}" for paths, word in counts if paths
        )
        paths = (*self.files, *self.missing)
        named = ", ".join(repr(path) for path in paths[:_NAMED_AT_MOST])
        more = f" and {len(paths) - _NAMED_AT_MOST:,} more" if len(paths) > _NAMED_AT_MOST else ""
        return Integrity(
            f"of {self.recorded:,} recorded files {parts}: {named}{more}",
            hint="If that is meant: museui snapshot -m MSG. If not, bring them back: the last commit has them.",
            details={
                "rule": "emptied",
                "emptied": list(self.files[:_IN_DETAILS]),
                "missing": list(self.missing[:_IN_DETAILS]),
                "count": len(paths),
            },
        )


def find_emptied(recorded: Mapping[str, ObjectId], contents: Contents) -> Emptied:
    """Return which of the ``recorded`` files that held something hold nothing now."""
    held = {path: object_id for path, object_id in recorded.items() if object_id != EMPTY_OBJECT}
    now = contents.manifest
    absent = [path for path in held if path not in now]
    there = frozenset(now.values()) if absent else frozenset()
    return Emptied(
        tuple(path for path in held if path in contents.blank and now[path] != held[path]),
        tuple(path for path in absent if held[path] not in there),
        len(held),
        len(now),
    )
