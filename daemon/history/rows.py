"""The history: every push with its phases, kept for a while."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from museui.core.phases import GATES, PHASES
from museui.local.messages import PhaseView, PushView, Trouble, decode, encode
from museui.settings.config import repository_id

from ..queue.entry import Target
from ..store.database import Database
from .usual_durations import Figures

_PLAIN = (
    "id", "repository", "remote", "url", "branch", "head", "previous_head", "result", "started_at", "ended_at",
    "strategy", "push_id", "bundle_id", "commits", "snapshots", "objects", "raw_bytes", "wire_bytes", "slower", "tries",
)  # fmt: skip
"""Columns that are called as the fields of a push, but that ``repository`` holds its path."""


async def next_push_id(database: Database) -> int:
    """A number that no push has had."""
    ((newest,),) = await database.read("SELECT coalesce(max(id), 0) FROM pushes")
    return int(newest) + 1


async def write_push(database: Database, push: PushView) -> None:
    """Add a push that is over, or put it in the place of the one with its number."""
    values = {name: getattr(push, name) for name in _PLAIN} | {
        "repository": push.path,
        "total_s": push.total_seconds,
        "error": json.dumps(encode(push.error)) if push.error else None,
    }
    async with database.write() as connection:
        await connection.execute("DELETE FROM pushes WHERE id = ?", (push.id,))
        await connection.execute(
            f"INSERT INTO pushes ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
        )
        await connection.executemany(
            "INSERT INTO phases (push, name, ok, began_s, seconds, detail) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (push.id, phase.name, phase.state == "done", phase.began_s, phase.seconds, json.dumps(phase.detail))
                for phase in push.phases
            ],
        )


async def read_pushes(
    database: Database,
    *,
    path: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[PushView]:
    """The newest pushes, newest first: of the repository at ``path``, older than the one numbered ``before``."""
    rows = await database.read(
        "SELECT * FROM pushes WHERE (?1 IS NULL OR repository = ?1) AND (?2 IS NULL OR id < ?2)"
        " ORDER BY id DESC LIMIT ?3",
        (path, before, limit),
    )
    return await _with_phases(database, rows)


async def read_last_push(database: Database, target: Target) -> PushView | None:
    """The newest push of the target."""
    rows = await database.read(
        "SELECT * FROM pushes WHERE repository = ? AND remote = ? AND branch = ? ORDER BY id DESC LIMIT 1",
        (target.repository, target.remote, target.branch),
    )
    found = await _with_phases(database, rows)
    return found[0] if found else None


async def read_figures(database: Database, path: str | None, newest: int) -> dict[str, list[Figures]]:
    """What the ``newest`` pushes that were done took, of the repository at ``path`` or of all, by path."""
    rows = await database.read(
        "SELECT p.id, p.repository, p.wire_bytes, p.total_s, phases.name, phases.seconds"
        " FROM (SELECT * FROM pushes WHERE result = 'done' AND (?1 IS NULL OR repository = ?1)"
        " ORDER BY id DESC LIMIT ?2) AS p LEFT JOIN phases ON phases.push = p.id ORDER BY p.id DESC",
        (path, newest),
    )
    found: dict[str, list[Figures]] = {}
    seconds: dict[str, float] = {}
    last = None
    for row in rows:
        if row["id"] != last:
            last, seconds = row["id"], {"total": row["total_s"]}
            found.setdefault(row["repository"], []).append(Figures(row["wire_bytes"], seconds))
        if row["name"]:
            seconds[row["name"]] = row["seconds"]
    return found


async def read_push(database: Database, number: int) -> PushView | None:
    """The push with this number."""
    found = await _with_phases(database, await database.read("SELECT * FROM pushes WHERE id = ?", (number,)))
    return found[0] if found else None


async def prune_pushes(database: Database, oldest_end: float) -> int:
    """Remove pushes and deliveries from before ``oldest_end``; how many pushes those were."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM deliveries WHERE at < ?", (oldest_end,))
        cursor = await connection.execute("DELETE FROM pushes WHERE ended_at < ?", (oldest_end,))
        return cursor.rowcount


async def _with_phases(database: Database, rows: Iterable[sqlite3.Row]) -> list[PushView]:
    rows = list(rows)
    marks = ", ".join("?" * len(rows))
    phases: dict[int, list[PhaseView]] = {row["id"]: [] for row in rows}
    for row in await database.read(f"SELECT * FROM phases WHERE push IN ({marks})", [row["id"] for row in rows]):
        phases[row["push"]].append(
            PhaseView(
                row["name"],
                "done" if row["ok"] else "failed",
                row["began_s"],
                row["seconds"],
                GATES[row["name"]],
                detail=json.loads(row["detail"]),
            )
        )
    return [
        PushView(
            **{name: row[name] for name in _PLAIN}
            | {
                "repository": repository_id(row["repository"]),
                "path": row["repository"],
                "total_seconds": row["total_s"],
                "phases": tuple(sorted(phases[row["id"]], key=lambda phase: PHASES.index(phase.name))),
                "error": decode(Trouble, json.loads(row["error"])) if row["error"] else None,
            }
        )
        for row in rows
    ]
