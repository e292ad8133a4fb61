"""Asking a hub where its branches are, and noting it: safe is about the hub, not about memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from museui.core import wire
from museui.core.errors import NotFound
from museui.core.ids import CommitId
from museui.hub.client import HubClient
from museui.repo.repository import Repository
from museui.repo.sightings import note_heads, read_known, read_sightings

from .negotiate import fetch_refs

_MAX_ASKED = 20
"""Of how many branches it is asked, at one look, whether what is there builds on what is here."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The answer of a hub. ``etag``: names the answer; ``changed``: branches that were not where they were last seen.

    ``heads``: the branches that it has and can give back, as far as it knows. ``holds``: of branches whose head there
    is not here, the commit of ours that it builds on.
    """

    refs: wire.Refs
    etag: str
    heads: Mapping[str, CommitId]
    changed: tuple[str, ...] = ()
    holds: Mapping[str, CommitId] = field(default_factory=dict)


async def observe(
    repository: Repository,
    remote: str | None,
    client: HubClient,
    last: Observation | None = None,
    clock: Callable[[], float] = time.time,
) -> Observation:
    """Ask the hub where its branches are, in one request as a rule, and note it as ``remote``'s.

    ``remote`` is ``None`` for a bare URL, of which nothing is noted here. ``last``: what the same hub said before; an
    answer that is still the same is not sent again. A repository that is not there, but that a push would make, has no
    branches.

    Raises :class:`NotFound` for one that is gone, or that we may not see, and what else the hub answers.
    """
    heads, before = await asyncio.to_thread(_read_before, repository, remote)
    try:
        refs, etag = await fetch_refs(client, last.etag if last else "", by_itself=True)
    except NotFound as exc:
        if "request_id" in exc.details:
            await asyncio.to_thread(_note, repository, remote, {}, before, clock(), {})
        raise
    if refs is None:
        assert last
        refs = last.refs
    holds = await _ask_what_is_held(repository, remote, client, refs, heads)
    whole = await asyncio.to_thread(find_whole, repository, refs)
    changed = await asyncio.to_thread(_note, repository, remote, whole, before, clock(), holds)
    return Observation(refs, etag, whole, tuple(changed), holds)


def find_whole(repository: Repository, refs: wire.Refs) -> dict[str, CommitId]:
    """Return where the hub's branches are, but for those of ours of which it has lost files: a push brings them again.

    Which branches the lost files belong to is not said, so all that are where ours are count as gone.
    """
    if not any(map(repository.has_object, refs.needs)):
        return dict(refs.branch_heads)
    ours = repository.branches()
    return {branch: head for branch, head in refs.branch_heads.items() if ours.get(branch) != head}


def _read_before(repository: Repository, remote: str | None) -> tuple[dict[str, CommitId], dict[str, CommitId | None]]:
    """The branches here, and what is known of these and of all others of the remote."""
    heads = dict(repository.branches())
    if remote is None:
        return heads, {}
    names = {*heads, *repository.refs.tracking_names(remote), *read_sightings(repository, remote)}
    return heads, {name: read_known(repository, remote, name) for name in names}


def _note(
    repository: Repository,
    remote: str | None,
    heads: dict[str, CommitId],
    before: dict[str, CommitId | None],
    now: float,
    holds: dict[str, CommitId],
) -> list[str]:
    if remote is None:
        return []
    return note_heads(repository, remote, heads, before, now, before=before, holds=holds)


async def _ask_what_is_held(
    repository: Repository, remote: str | None, client: HubClient, refs: wire.Refs, heads: dict[str, CommitId]
) -> dict[str, CommitId]:
    """Of branches whose head there is not here: our head, where that head builds on it, as far as the hub says."""
    notes = await asyncio.to_thread(read_sightings, repository, remote) if remote else {}
    found: dict[str, CommitId] = {}
    asked = 0
    for branch, head in heads.items():
        theirs = refs.branch_heads.get(branch)
        if theirs is None or repository.has_commit(theirs):
            continue
        note = notes.get(branch)
        if note and (note.head, note.holds) == (theirs, head):
            found[branch] = head
        elif asked < _MAX_ASKED:
            asked += 1
            answer = await client.negotiate([theirs], [head])
            if head in answer.reached:
                found[branch] = head
    return found
