"""Sending tags: those of commits that the hub has by now, because the branches that were pushed lead to them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from museui.core.bundle import pack_record
from museui.core.errors import MuseError
from museui.core.ids import CommitId
from museui.hub.client import HubClient
from museui.hub.retry import with_retries
from museui.repo.history import walk_history
from museui.repo.records import Tag
from museui.repo.repository import Repository

from .push_request import Environment

_AT_ONCE = 1000


async def push_tags(
    repository: Repository, client: HubClient, heads: Collection[CommitId], environment: Environment
) -> tuple[int, tuple[MuseError, ...]]:
    """Send the tags of ``heads`` and their ancestors.

    Returns how many were new to the hub, or other than it had them, and why others cannot be read.

    Raises :class:`~museui.core.errors.Integrity` for a missing commit, and what the hub answers.
    """
    found = await asyncio.to_thread(repository.tags)
    tags = await asyncio.to_thread(_reached, repository, found, heads)
    stored = 0
    for at in range(0, len(tags), _AT_ONCE):
        records = [pack_record(tag.fields) for tag in tags[at : at + _AT_ONCE]]
        stored += await with_retries(
            lambda: client.store_tags(records),  # noqa: B023
            environment.retry,
            environment.sleep,
            environment.random,
        )
    return stored, found.faults


def _reached(repository: Repository, tags: Collection[Tag], heads: Collection[CommitId]) -> list[Tag]:
    """Return those of ``tags`` that ``heads`` lead to."""
    wanted, reached = {tag.commit_id for tag in tags}, set[CommitId]()
    if wanted:
        for commit in walk_history(repository, heads):
            if commit.id in wanted:
                reached.add(commit.id)
                if reached == wanted:
                    break
    return [tag for tag in tags if tag.commit_id in reached]
