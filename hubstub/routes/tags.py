"""Tags: names for commits, kept as their clients wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Integrity, Invalid, TooLarge
from museui.core.ids import CommitId, parse_id
from museui.core.names import check_name
from museui.core.printable import is_line
from museui.core.records import check_value

from ..http.access import open_repository
from ..http.messages import answer, answer_records, read_message
from ..index.history import existing_commits
from ..index.schema import tags
from ..people.repositories import hold_repository
from ..push.quota import place_of, reserve_room
from ..state import hub_of

MAX_TAGS = 1000
"""How many tags one request may bring."""
MAX_RECORD_CHARS = 4 << 20
"""How long the records of all tags of a repository may be together."""
_MAX_ID_CHARS = 64
_MAX_TEXT_CHARS = 255

Record = dict[str, Any]


async def post_tags(request: Request) -> Response:
    """Store ``{tags: [{tag_id, repo_id, commit_id, tag, created_at}]}``; a tag of the same id is replaced."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "write")
    records = _parse_tags(await read_message(request))
    named = {f"tag {tag_id}": CommitId(record["commit_id"]) for tag_id, record in records.items()}

    async def store(connection: AsyncConnection) -> int:
        await hold_repository(connection, repository.id)
        await require_commits(connection, repository.id, named)
        size_bytes = sum(len(orjson.dumps(record)) for record in records.values())
        await reserve_room(connection, hub.settings.quotas, place_of(repository), size_bytes, hub.now())
        return await _store(connection, repository.id, records, hub.now())

    stored = await hub.database.change(store)
    return answer(request, {"stored": stored})


async def get_tags(request: Request) -> Response:
    """Every tag of the repository, the oldest first."""
    repository, _ = await open_repository(request, "read")
    query = select(tags.c.record).where(tags.c.repository_id == repository.id).order_by(tags.c.created_at, tags.c.id)
    async with hub_of(request).database.read() as connection:
        records = (await connection.execute(query)).scalars().all()
    return await answer_records(request, "tags", records)


async def require_commits(connection: AsyncConnection, repository_id: int, named: Mapping[str, CommitId]) -> None:
    """Raise :class:`Integrity` naming who (a key of ``named``) names a commit that the repository lacks."""
    known = await existing_commits(connection, repository_id, set(named.values()))
    for who, commit_id in named.items():
        if commit_id not in known:
            raise Integrity(
                f"{who} names commit {commit_id}, which is not in this repository",
                hint="Push the commit first.",
                details={"missing": commit_id, "kind": "commit"},
            )


def parse_text(record: Record, name: str, what: str, max_chars: int = _MAX_TEXT_CHARS) -> str:
    """Field ``name``: one line that is not empty. Raises :class:`Invalid` naming ``what`` and the field."""
    value = record.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_chars or not is_line(value):
        raise Invalid(f"{what}: field {name!r} is not a line of 1 to {max_chars} characters", details={"field": name})
    return value


def _parse_tags(message: Any) -> dict[str, Record]:
    """Tag id → record, its commit's id bare. Clients make files of ``tag_id`` and ``repo_id``, so these are names."""
    given = message.get("tags") if isinstance(message, dict) else None
    if not isinstance(given, list):
        raise Invalid("field 'tags' is missing or not a list", details={"field": "tags"})
    if len(given) > MAX_TAGS:
        raise TooLarge(
            f"{len(given)} tags at once, more than {MAX_TAGS}",
            hint="Send some of them at a time.",
            details={"max_tags": MAX_TAGS},
        )
    records: dict[str, Record] = {}
    for record in given:
        if not isinstance(record, dict):
            raise Invalid("a tag is not a map", details={"field": "tags"})
        tag_id, _ = (check_name(record.get(name), name) for name in ("tag_id", "repo_id"))
        what = f"tag {tag_id}"
        parse_text(record, "tag_id", what, _MAX_ID_CHARS)
        parse_text(record, "tag", what)
        parse_text(record, "created_at", what)
        check_value(record, what)
        records[tag_id] = {**record, "commit_id": parse_id(record.get("commit_id"), f"{what}: commit_id")}
    return records


async def _store(connection: AsyncConnection, repository_id: int, records: dict[str, Record], now: float) -> int:
    """How many of ``records`` are new or not as they were."""
    own = tags.c.repository_id == repository_id
    before = await connection.execute(select(tags.c.id, tags.c.record).where(own, tags.c.id.in_(records)))
    known = {row.id: row.record for row in before}
    texts = {tag_id: orjson.dumps(record).decode() for tag_id, record in records.items()}
    changed = [tag_id for tag_id, text in texts.items() if known.get(tag_id) != text]
    if not changed:
        return 0
    await connection.execute(tags.delete().where(own, tags.c.id.in_(changed)))
    rows = [
        {
            "repository_id": repository_id,
            "id": tag_id,
            "name": records[tag_id]["tag"],
            "commit_id": bytes.fromhex(records[tag_id]["commit_id"]),
            "record": texts[tag_id],
            "created_at": now,
        }
        for tag_id in changed
    ]
    await connection.execute(tags.insert(), rows)
    total = (await connection.execute(select(func.sum(func.length(tags.c.record))).where(own))).scalar_one()
    if total > MAX_RECORD_CHARS:
        raise TooLarge("the repository has too many tags", details={"max_chars": MAX_RECORD_CHARS})
    return len(changed)


routes: list[Route] = [
    Route("/{owner}/{slug}/tags", post_tags, methods=["POST"]),
    Route("/{owner}/{slug}/tags", get_tags, methods=["GET"]),
]
