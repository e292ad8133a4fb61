"""``/{owner}/{slug}/-/commits/{branch}`` and ``/-/commit/{id}``: a branch's history, and one commit in full."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from museui.core.errors import Invalid, NotFound
from museui.core.ids import CommitId, ObjectId, parse_id

from ..fetch.places import locate_objects
from ..index.history import CommitRow
from ..index.recent import list_recent, read_commits
from ..people.repositories import RepositoryRow
from ..state import HubState, hub_of
from .branches import find_branch, repository_page
from .commit_view import view_commits
from .manifest import compare_snapshots, first_entries, iter_entries, with_record
from .site import open_page_repository
from .tree import grow_tree

_COMMITS = 40
_HEADS_MAX = 64
_CHANGES = 200
_TREE_FILES = 500
_RECORD_CHARS = 64_000
_SHOWN_FIELDS = ("agent_id", "model_id", "toolchain_id", "prompt_hash", "sem_ver_bump", "branch")


async def show_commits(request: Request) -> Response:
    """A branch's commits, newest first. ``?from=`` has the heads of a later page, with a dot between them."""
    hub = hub_of(request)
    repository = await open_page_repository(request)
    heads = _parse_heads(request.query_params.get("from", ""))
    async with hub.database.read() as connection:
        branch = await find_branch(connection, repository.id, request.path_params["branch"])
        rows, rest = await list_recent(connection, repository.id, heads or [branch.head], _COMMITS)
    return await repository_page(
        request,
        repository,
        "commits.html",
        branch=branch,
        commits=await view_commits(hub, rows),
        later=bool(heads),
        more=".".join(rest[:_HEADS_MAX]),
    )


def _parse_heads(text: str) -> list[CommitId]:
    return [CommitId(parse_id(item, "a commit")) for item in text.split(".", _HEADS_MAX)[:_HEADS_MAX]] if text else []


async def show_commit(request: Request) -> Response:
    """Record, signature, changes against the first parent, files."""
    hub = hub_of(request)
    repository = await open_page_repository(request)
    row = await find_commit(request, repository)
    (commit,) = await view_commits(hub, [row], whole=True)
    message = str(commit.fields.get("message") or "").strip()
    record = orjson.dumps(dict(commit.fields), option=orjson.OPT_INDENT_2).decode() if commit.fields else ""
    files, total = await with_record(
        hub, repository.id, row.snapshot_id, lambda record: first_entries(iter_entries(record), _TREE_FILES)
    )
    async with hub.database.read() as connection:
        parents = await read_commits(connection, repository.id, row.parents[:1])
        sizes = await _read_sizes(connection, [object_id for _, object_id in files])
    old = parents[row.parents[0]].snapshot_id if row.parents and row.parents[0] in parents else None
    return await repository_page(
        request,
        repository,
        "commit.html",
        commit=commit,
        body=message.partition("\n")[2].strip(),
        facts=[(name, value) for name in _SHOWN_FIELDS if (value := _fact(commit.fields.get(name)))],
        record=record[:_RECORD_CHARS],
        record_cut=len(record) > _RECORD_CHARS,
        changes=await compare_snapshots(hub, repository.id, old, row.snapshot_id, _CHANGES),
        tree=grow_tree([(path, sizes.get(object_id, 0)) for path, object_id in files]),
        total=total,
    )


def _fact(value: Any) -> str:
    return value if isinstance(value, str) and value != "none" else ""


async def _read_sizes(connection: Any, ids: list[ObjectId]) -> dict[ObjectId, int]:
    return {item: place.size_bytes for item, place in (await locate_objects(connection, set(ids))).items()}


async def find_commit(request: Request, repository: RepositoryRow) -> CommitRow:
    """The commit of the request's path. Raises :class:`NotFound` when this repository has none by that id."""
    hub: HubState = hub_of(request)
    try:
        commit_id = CommitId(parse_id(request.path_params["commit"]))
    except Invalid:
        raise NotFound("there is no such commit") from None
    async with hub.database.read() as connection:
        row = (await read_commits(connection, repository.id, [commit_id])).get(commit_id)
    if row is None:
        raise NotFound("there is no such commit")
    return row
