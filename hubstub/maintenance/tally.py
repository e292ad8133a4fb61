"""What a collection took, would take, and leaves for later, counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class GcOptions:
    """How to collect: ``apply`` or only look; ``grace_s`` is how long a thing must have been without a reference."""

    apply: bool
    grace_s: float


@dataclass(slots=True)
class Count:
    """A number of things and their bytes."""

    count: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class Tally:
    """Kind → how much. ``waiting`` is garbage whose grace is not over; ``skipped`` says what was left, and why."""

    taken: dict[str, Count] = field(default_factory=dict)
    waiting: dict[str, Count] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    unexplained: dict[str, Count] = field(default_factory=dict)
    """The part of ``taken`` that nobody is known to have let go of; counted by a dry run, which changes nothing."""
    let_go: tuple[int, int] = (0, 0)
    """Objects, and their bytes, of which it was known when the collection began that people had let go of them."""

    def take(self, kind: str, count: int, size_bytes: int = 0) -> None:
        """Count what goes."""
        _add(self.taken, kind, count, size_bytes)

    def wait(self, kind: str, count: int, size_bytes: int = 0) -> None:
        """Count what will go once its grace is over."""
        _add(self.waiting, kind, count, size_bytes)

    def doubt(self, kind: str, count: int, size_bytes: int = 0) -> None:
        """Count what would go although nobody is known to have let go of it."""
        _add(self.unexplained, kind, count, size_bytes)

    def to_progress(self) -> dict[str, Any]:
        """The whole tally as a job keeps it."""
        unexplained = {kind: _to_json(count) for kind, count in self.unexplained.items()}
        return {**self.to_json(), "unexplained": unexplained, "let_go": list(self.let_go)}

    def to_json(self) -> dict[str, Any]:
        """The tally as ``--json`` prints it."""
        return {
            "taken": {kind: _to_json(count) for kind, count in self.taken.items()},
            "waiting": {kind: _to_json(count) for kind, count in self.waiting.items()},
            "skipped": list(self.skipped),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Tally:
        """The inverse of :meth:`to_progress`."""

        def counts(name: str) -> dict[str, Count]:
            return {kind: Count(item["count"], item["bytes"]) for kind, item in document.get(name, {}).items()}

        objects, size_bytes = document.get("let_go", (0, 0))
        kinds = counts("taken"), counts("waiting"), list(document["skipped"]), counts("unexplained")
        return cls(*kinds, (objects, size_bytes))


def _add(counts: dict[str, Count], kind: str, count: int, size_bytes: int) -> None:
    if count:
        entry = counts.setdefault(kind, Count())
        entry.count += count
        entry.size_bytes += size_bytes


def _to_json(count: Count) -> dict[str, int]:
    return {"count": count.count, "bytes": count.size_bytes}
