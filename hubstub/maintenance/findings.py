"""What a check found wrong, in words for whoever runs the hub, and in the table ``damage`` until it is mended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select

from museui.core.errors import Invalid

from ..index.schema import damage
from ..parts import HubParts

OBJECT = "object"
MEMBER = "member"
"""An object that a repository needs and that is not among its own; the subject is repository number/object."""
MEND_OBJECT = (
    "Run 'museui hub fsck --repair'; what that cannot put back, the next push from a repository that has it does."
)
MEND_MEMBER = "Run 'museui hub fsck --repair'."
MEND_INDEX = "Restore the hub's database from a backup, or delete the repository and push it again."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it is, where it should be, why it is wrong, what to do."""

    kind: str
    subject: str
    where: str
    reason: str
    advice: str

    def to_json(self) -> dict[str, str]:
        """The finding as ``--json`` prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Part:
    """The ``number``-th of ``count`` equal parts of all ids. Raises :class:`Invalid` when there is no such part."""

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count <= 1 << 16:
            raise Invalid(f"not a part: {self.number}/{self.count}", hint="Write 1/10 for the first of ten parts.")

    @property
    def bounds(self) -> tuple[bytes, bytes]:
        """From the first id on, up to but not including the second."""
        first = (1 << 32) * (self.number - 1) // self.count
        end = (1 << 32) * self.number // self.count
        return first.to_bytes(4, "big"), b"\xff" * 33 if self.number == self.count else end.to_bytes(4, "big")

    def holds(self, object_id: str) -> bool:
        """Whether the id (hex) is of this part."""
        first, end = self.bounds
        return first <= bytes.fromhex(object_id) < end


@dataclass(slots=True)
class Report:
    """What a check looked at, and what it found: findings by kind and subject."""

    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)
    """Keys in the store that no row names; no damage."""
    checked: dict[str, int] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keep the first finding about a thing."""
        self.findings.setdefault((finding.kind, finding.subject), finding)

    def count(self, kind: str, number: int = 1) -> None:
        """So many more of them were looked at."""
        self.checked[kind] = self.checked.get(kind, 0) + number

    def objects(self) -> list[str]:
        """The objects (bare hex) that are damaged or missing."""
        return sorted(subject for kind, subject in self.findings if kind == OBJECT)


async def write_findings(hub: HubParts, findings: Iterable[Finding]) -> None:
    """Put findings into the table of damage; one that is there already is told anew."""
    rows = [
        {
            "kind": finding.kind,
            "subject": finding.subject,
            "reason": f"{finding.where}: {finding.reason}",
            "found_at": hub.now(),
        }
        for finding in findings
    ]
    if not rows:
        return
    async with hub.database.write() as connection:
        for row in rows:
            same = (damage.c.kind == row["kind"], damage.c.subject == row["subject"])
            await connection.execute(delete(damage).where(*same))
        await connection.execute(insert(damage), rows)


async def forget_mended(hub: HubParts, since: float, part: Part) -> None:
    """Forget damage that a whole check, begun at ``since``, did not find again; of objects, those of its ``part``."""
    query = select(damage.c.kind, damage.c.subject).where(damage.c.found_at < since)
    async with hub.database.read() as connection:
        old = (await connection.execute(query)).all()
    gone = [row for row in old if row.kind != OBJECT or part.holds(row.subject)]
    if gone:
        async with hub.database.write() as connection:
            for row in gone:
                same: Any = (damage.c.kind == row.kind, damage.c.subject == row.subject, damage.c.found_at < since)
                await connection.execute(delete(damage).where(*same))
