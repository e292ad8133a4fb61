"""What the daemon's doctor found: what is wrong first, each with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from museui.local.messages import Check

from .status import Status, Tone

_GOOD, _BAD = Status("✓", "good", "well"), Status("✗", "bad", "wrong")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``hint`` is what to do, empty when all is well."""

    status: Status
    name: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """``summary`` in ``tone``, then each."""

    summary: str
    tone: Tone
    findings: tuple[Finding, ...]


def describe_checks(checks: Sequence[Check]) -> Findings:
    """The checks, those that failed first."""
    wrong = [check for check in checks if not check.ok]
    well = [check for check in checks if check.ok]
    findings = tuple(
        Finding(_GOOD if check.ok else _BAD, check.name, check.message, "" if check.ok else check.hint)
        for check in (*wrong, *well)
    )
    if wrong:
        return Findings(f"{len(wrong)} of {len(checks)} checks found something", "bad", findings)
    return Findings(f"All is well: {len(checks)} checks", "good", findings)


def copy_findings(found: Findings) -> str:
    """The same as plain text."""
    lines = [found.summary]
    for finding in found.findings:
        lines.append(f"{finding.status.symbol} {finding.name}: {finding.message}")
        if finding.hint:
            lines.append(f"  do: {finding.hint}")
    return "\n".join(lines)
