"""Finding the branches that need no push, by one request for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from museui.core.errors import MuseError
from museui.core.ids import CommitId
from museui.hub.client import HubClient
from museui.repo.repository import Repository
from museui.repo.sightings import note_heads

from .negotiate import fetch_refs


async def find_up_to_date(
    repository: Repository, client: HubClient, remote: str | None, heads: Mapping[str, CommitId]
) -> set[str]:
    """Return those branches of ``heads`` that are there on the hub as well, and note that as seen at ``remote``.

    None when the hub cannot be asked, or has lost objects that are here: then each push finds out for itself.
    """
    try:
        refs, _ = await fetch_refs(client)
    except MuseError:
        return set()
    if refs is None or any(map(repository.has_object, refs.needs)):
        return set()
    found = {branch: head for branch, head in heads.items() if refs.branch_heads.get(branch) == head}
    if remote is not None and found:
        await asyncio.to_thread(note_heads, repository, remote, found, found, time.time())
    return set(found)
