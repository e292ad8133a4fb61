"""The work tree in words and in JSON: what is not committed, not recorded, or cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import MuseError
from ..core.figures import render_count
from ..repo.ignore import is_of_tools
from ..repo.repository import Repository
from ..repo.scan import Scan, read_recorded, scan_work_tree
from ..repo.unrecordable import Unrecordable

_NAMED_AT_MOST = 5
_LISTED_AT_MOST = 1000


def render_excluded(excluded: Sequence[tuple[str, str]]) -> str:
    """Return a few names of what built-in rules leave out, what people may have made first, and how many more."""
    ordered = sorted(excluded, key=lambda item: is_of_tools(item[1]))
    return _render_names([path for path, _ in ordered])


def _render_names(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True)
class WorkTreeLook:
    """A look at a work tree; ``scan`` is ``None`` where there is none, or where it cannot be looked at."""

    scan: Scan | None
    reasons: list[MuseError]

    @property
    def count(self) -> int:
        """Return the number of files that are not committed."""
        scan = self.scan
        return len(scan.added) + len(scan.changed) + len(scan.removed) if scan else 0

    def summary(self) -> str:
        """Return how many files are not committed, in words; empty when all are."""
        return f"{render_count(self.count, 'file')} not committed" if self.count else ""

    def lines(self) -> list[str]:
        """Return a line with a few names of what is not committed, and one of what is left out."""
        scan = self.scan
        if scan is None:
            return []
        kinds = ((scan.changed, "changed"), (scan.added, "added"), (scan.removed, "removed"))
        names = [f"{path} ({kind})" for paths, kind in kinds for path in paths]
        lines = [f"not committed: {_render_names(names)}"] if names else []
        if emptied := scan.emptied.error():
            lines.append(f"warning: {emptied.message}. {emptied.hint}")
        if scan.tree.left_out:
            lines.append(f"not recorded: {_render_names([f'{path} ({kind})' for path, kind in scan.tree.left_out])}")
        if scan.tree.excluded:
            lines.append(f"left out by built-in rules: {render_excluded(scan.tree.excluded)}")
        return lines

    def fields(self) -> dict[str, Any]:
        """Return what ``museui status --json`` says of it."""
        if self.scan is None:
            return {"uncommitted": None, "unrecordable": [], **left_out_fields((), ())}
        return {
            "uncommitted": uncommitted_fields(self.scan),
            "unrecordable": unrecordable_fields(self.scan.contents.unrecordable),
            **left_out_fields(self.scan.tree.left_out, self.scan.tree.excluded),
        }


def look_at_work_tree(repository: Repository) -> WorkTreeLook:
    """Look at the work tree against what is checked out. What keeps it from that is a reason not to be safe."""
    try:
        if repository.bare:
            return WorkTreeLook(None, [])
        scan = scan_work_tree(repository, read_recorded(repository).manifest)
    except MuseError as exc:
        return WorkTreeLook(None, [exc])
    return WorkTreeLook(scan, scan.reasons())


def uncommitted_fields(scan: Scan) -> dict[str, Any]:
    """Return ``uncommitted`` of ``--json``: how many files, and their names, a thousand of each kind at most."""
    kinds = {"added": scan.added, "changed": scan.changed, "removed": scan.removed}
    counts = {kind: len(paths) for kind, paths in kinds.items()}
    names = {kind: list(paths[:_LISTED_AT_MOST]) for kind, paths in kinds.items()}
    return {"count": sum(counts.values()), "counts": counts, **names}


def left_out_fields(left_out: Sequence[tuple[str, str]], excluded: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return ``left_out`` of ``--json``, a thousand at most, and how many there are."""
    found = [{"path": path, "kind": kind} for path, kind in left_out]
    found += [{"path": path, "kind": "built-in rule", "rule": rule} for path, rule in excluded]
    return {"left_out": found[:_LISTED_AT_MOST], "left_out_count": len(found)}


def unrecordable_fields(unrecordable: Sequence[Unrecordable]) -> list[dict[str, Any]]:
    """Return ``unrecordable`` of ``--json``: all of them, each with the rule it breaks."""
    return [{"path": item.path, "rule": item.rule, "hint": item.hint} for item in unrecordable]
