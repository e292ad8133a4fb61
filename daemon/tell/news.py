"""When there is something to tell about a repository, and what: values and functions, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from museui.core.figures import one_line, render_span

from ..repositories.rows import Remembered

Event = Literal["unsafe", "safe"]


@dataclass(frozen=True, slots=True)
class News:
    """What is told. Times are seconds since 1970; ``reason`` and ``hint`` are of what is in the way, or empty."""

    event: Event
    path: str
    name: str
    at: float
    unsafe_since: float | None = None
    reason: str = ""
    hint: str = ""

    @property
    def title(self) -> str:
        """A few words."""
        return f"{one_line(self.name)} is safe again" if self.event == "safe" else f"{one_line(self.name)} is not safe"

    @property
    def text(self) -> str:
        """A sentence or two."""
        if self.event == "safe":
            return "Every commit is on the hub."
        span = render_span(self.at - (self.unsafe_since or self.at))
        return one_line(f"It has not been safe for {span}. {self.reason} {self.hint}".strip())

    def to_json(self) -> dict[str, Any]:
        """As a webhook gets it."""
        return {**asdict(self), "title": self.title, "text": self.text}

    def variables(self) -> Mapping[str, str]:
        """As a command finds it in its environment."""
        facts = {**self.to_json(), "unsafe_since": "" if self.unsafe_since is None else self.unsafe_since}
        return {f"MUSEUI_{name.upper()}": str(value).replace("\0", "") for name, value in facts.items()}


def find_event(known: Remembered, limit_s: float, now: float) -> Event | None:
    """What is to be told of a repository now: unsafe for ``limit_s`` and not told, or told and safe again."""
    if known.unsafe_since is None:
        return "safe" if known.told_at is not None else None
    return "unsafe" if known.told_at is None and now - known.unsafe_since >= limit_s else None
