"""Releases: what a repository gives out under a tag, kept as its client wrote it, fields nobody here knows included."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from museui.core.errors import Invalid, NotFound, TooLarge
from museui.core.ids import CommitId, parse_id
from museui.core.records import check_value

from ..http.access import open_repository
from ..http.messages import answer, answer_records, read_message
from ..index.schema import releases
from ..people.access import covers, find_access
from ..people.repositories import hold_repository
from ..push.quota import place_of, reserve_room
from ..state import hub_of
from .tags import parse_text, require_commits

MAX_RECORD_CHARS = 16 << 20
"""How long the records of all releases of a repository may be together."""
_MAX_CHANNEL_CHARS = 100


async def post_release(request: Request) -> Response:
    """Store a release; one of the same tag is replaced."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "write")
    record = await read_message(request)
    tag, channel, is_draft, commit_id = _parse_release(record)
    own = releases.c.repository_id == repository.id

    async def store(connection: AsyncConnection) -> None:
        await hold_repository(connection, repository.id)
        if commit_id is not None:
            await require_commits(connection, repository.id, {f"release {tag!r}": commit_id})
        text = orjson.dumps(record).decode()
        await reserve_room(connection, hub.settings.quotas, place_of(repository), len(text.encode()), hub.now())
        since = select(releases.c.created_at).where(own, releases.c.tag == tag)
        created_at = (await connection.execute(since)).scalar_one_or_none()
        await connection.execute(releases.delete().where(own, releases.c.tag == tag))
        await connection.execute(
            releases.insert().values(
                repository_id=repository.id,
                tag=tag,
                channel=channel,
                is_draft=is_draft,
                commit_id=bytes.fromhex(commit_id) if commit_id else None,
                record=text,
                created_at=hub.now() if created_at is None else created_at,
            )
        )
        total = (await connection.execute(select(func.sum(func.length(releases.c.record))).where(own))).scalar_one()
        if total > MAX_RECORD_CHARS:
            raise TooLarge(
                "the repository has too many releases, or too long ones",
                hint="Delete some of them.",
                details={"max_chars": MAX_RECORD_CHARS},
            )

    await hub.database.change(store)
    return answer(request, {"ok": True, "tag": tag, "release_id": record.get("release_id", tag), "release": record})


async def get_releases(request: Request) -> Response:
    """The releases, newest first: ``?channel=&include_drafts=1``; drafts for those who may write."""
    repository, caller = await open_repository(request, "read")
    query = select(releases.c.record).where(releases.c.repository_id == repository.id)
    if channel := request.query_params.get("channel"):
        query = query.where(releases.c.channel == channel)
    async with hub_of(request).database.read() as connection:
        drafts = request.query_params.get("include_drafts", "").lower() in ("1", "true")
        if drafts and caller is not None and covers(caller.scope, "write"):
            drafts = covers(await find_access(connection, caller, repository), "write")
        else:
            drafts = False
        if not drafts:
            query = query.where(releases.c.is_draft.is_(False))
        found = await connection.execute(query.order_by(releases.c.created_at.desc(), releases.c.tag))
        records = found.scalars().all()
    return await answer_records(request, "releases", records)


async def delete_release(request: Request) -> Response:
    """Delete the release of a tag."""
    hub = hub_of(request)
    repository, _ = await open_repository(request, "write")
    tag = request.path_params["tag"]
    async with hub.database.write() as connection:
        gone = releases.delete().where(releases.c.repository_id == repository.id, releases.c.tag == tag)
        if not (await connection.execute(gone)).rowcount:
            raise NotFound(f"there is no release {tag!r:.80}")
    return answer(request, {"ok": True, "tag": tag})


def _parse_release(record: Any) -> tuple[str, str, bool, CommitId | None]:
    """Tag, channel, whether it is a draft, commit. Raises :class:`Invalid`."""
    if not isinstance(record, dict):
        raise Invalid("the release is not a map")
    tag = parse_text(record, "tag", "the release")
    check_value(record, f"release {tag!r}")
    channel, is_draft, commit_id = map(record.get, ("channel", "is_draft", "commit_id"))
    if channel:
        parse_text(record, "channel", f"release {tag!r}", _MAX_CHANNEL_CHARS)
    if not isinstance(is_draft or False, bool):
        raise Invalid(f"release {tag!r}: field 'is_draft' is not true or false", details={"field": "is_draft"})
    bare = CommitId(parse_id(commit_id, f"release {tag!r}: commit_id")) if commit_id else None
    return tag, channel or "", is_draft or False, bare


routes: list[Route] = [
    Route("/{owner}/{slug}/releases", post_release, methods=["POST"]),
    Route("/{owner}/{slug}/releases", get_releases, methods=["GET"]),
    Route("/{owner}/{slug}/releases/{tag:path}", delete_release, methods=["DELETE"]),
]
