"""The doctor screen: the daemon's checks, those that failed first, each with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from museui.core.figures import render_count
from museui.local.messages import Check

from .status import Status, Tone

_GOOD, _BAD = Status("✓", "good", "well"), Status("✗", "bad", "wrong")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``hint`` says what to do; it is empty for a check that passed."""

    status: Status
    name: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """The results of all checks, below a ``summary`` in ``tone``."""

    summary: str
    tone: Tone
    findings: tuple[Finding, ...]


def describe_checks(checks: Sequence[Check]) -> Findings:
    """Return the results of the checks, those that failed first."""
    wrong = [check for check in checks if not check.ok]
    well = [check for check in checks if check.ok]
    findings = tuple(
        Finding(_GOOD if check.ok else _BAD, check.name, check.message, "" if check.ok else check.hint)
        for check in (*wrong, *well)
    )
    count = render_count(len(checks), "check")
    if wrong:
        return Findings(f"{len(wrong)} of {count} failed", "bad", findings)
    return Findings(f"All is well: {count} passed", "good", findings)


def copy_findings(found: Findings) -> str:
    """Return the results as plain text for the clipboard."""
    lines = [found.summary]
    for finding in found.findings:
        lines.append(f"{finding.status.symbol} {finding.name}: {finding.message}")
        if finding.hint:
            lines.append(f"  do: {finding.hint}")
    return "\n".join(lines)
