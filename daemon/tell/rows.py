"""What was told and what is still to be: a row for each piece of news and way, kept as long as the history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from museui.local.messages import Delivery
from museui.settings.config import repository_id

from ..repositories.rows import Remembered, put_remembered
from ..store.database import Database

Kind = Literal["desktop", "command", "webhook"]


@dataclass(frozen=True, slots=True)
class Order:
    """News on its way to somebody. ``target`` may be shown; ``document`` is what is told."""

    id: int
    kind: Kind
    target: str
    document: dict[str, Any]
    tries: int


async def write_news(
    database: Database, known: Remembered, document: dict[str, Any], ways: Iterable[tuple[Kind, str]]
) -> None:
    """Note in one transaction that people are told, and by which ways (kind, what is shown of whom)."""
    async with database.write() as connection:
        await put_remembered(connection, known)
        await connection.executemany(
            "INSERT INTO deliveries (repository, kind, event, target, document, at, state, tries, due_at, answer)"
            " VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, 0, '')",
            [
                (known.path, kind, document["event"], target, json.dumps(document), document["at"])
                for kind, target in ways
            ],
        )


async def read_orders(database: Database) -> list[Order]:
    """What is still to be delivered, oldest first."""
    rows = await database.read("SELECT * FROM deliveries WHERE state = 'waiting' ORDER BY id")
    return [Order(row["id"], row["kind"], row["target"], json.loads(row["document"]), row["tries"]) for row in rows]


async def write_outcome(database: Database, order: Order, state: str, answer: str, due_at: float) -> None:
    """Note what a try came to: ``done``, ``failed``, or ``waiting`` for another at ``due_at``."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE deliveries SET state = ?, tries = ?, due_at = ?, answer = ? WHERE id = ?",
            (state, order.tries + 1, due_at, answer, order.id),
        )


async def read_deliveries(database: Database, path: str | None, before: int | None, limit: int) -> list[Delivery]:
    """The newest, newest first: of the repository at ``path``, older than the one numbered ``before``."""
    rows = await database.read(
        "SELECT * FROM deliveries WHERE (?1 IS NULL OR repository = ?1) AND (?2 IS NULL OR id < ?2)"
        " ORDER BY id DESC LIMIT ?3",
        (path, before, limit),
    )
    return [
        Delivery(
            id=row["id"],
            repository=repository_id(row["repository"]),
            path=row["repository"],
            kind=row["kind"],
            event=row["event"],
            target=row["target"],
            at=row["at"],
            state=row["state"],
            tries=row["tries"],
            next_try_at=row["due_at"] if row["state"] == "waiting" and row["tries"] else None,
            answer=row["answer"],
        )
        for row in rows
    ]
