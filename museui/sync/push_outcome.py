"""The outcome of a push."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from museui.core.errors import MuseError
from museui.core.ids import CommitId, qualified
from museui.core.phases import PHASES, PhaseEnded, PhaseName


@dataclass(slots=True)
class PushOutcome:
    """The outcome of a push; :meth:`to_json` is the document of ``museui push --json``."""

    repo: str
    remote: str | None
    url: str
    branch: str
    head: CommitId
    previous_head: CommitId | None = None
    up_to_date: bool = False
    dry_run: bool = False
    strategy: str | None = None
    push_id: str | None = None
    bundle_id: str | None = None
    commits: int = 0
    snapshots: int = 0
    objects: int = 0
    already_present_objects: int = 0
    raw_bytes: int = 0
    wire_bytes: int = 0
    requests: int = 0
    ended: dict[PhaseName, PhaseEnded] = field(default_factory=dict)
    total_seconds: float = 0.0

    def phases_json(self) -> list[dict[str, Any]]:
        """Return the phases that were reached, in order."""
        return [self.ended[name].to_json() for name in PHASES if name in self.ended]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document; ids have the prefix ``sha256:``."""
        return {
            "ok": True,
            "repo": self.repo,
            "remote": self.remote,
            "url": self.url,
            "branch": self.branch,
            "head": qualified(self.head),
            "previous_head": qualified(self.previous_head) if self.previous_head else None,
            "up_to_date": self.up_to_date,
            "dry_run": self.dry_run,
            "strategy": self.strategy,
            "push_id": self.push_id,
            "bundle_id": qualified(self.bundle_id) if self.bundle_id else None,
            "commits": self.commits,
            "snapshots": self.snapshots,
            "objects": self.objects,
            "already_present_objects": self.already_present_objects,
            "raw_bytes": self.raw_bytes,
            "wire_bytes": self.wire_bytes,
            "requests": self.requests,
            "phases": self.phases_json(),
            "total_seconds": round(self.total_seconds, 6),
        }


def push_document(result: PushOutcome, error: MuseError | None) -> dict[str, Any]:
    """Return the JSON document of a push that ended, or of one that failed with ``error``."""
    if error is None:
        return result.to_json()
    return {"ok": False, "branch": result.branch, "error": error.to_json(), "phases": result.phases_json()}
