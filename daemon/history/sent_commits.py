"""The commits that a push sent, read again from the repository: the history keeps their number alone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from museui.core.errors import MuseError
from museui.core.ids import CommitId
from museui.local.messages import CommitView
from museui.repo.repository import Repository

_MAX_LISTED = 100


def read_sent_commits(path: str, head: str, previous_head: str | None, count: int) -> list[CommitView]:
    """The ``count`` commits from ``head`` down, but for ``previous_head``, in the repository at ``path``; blocks.

    Newest first, along first parents, at most a hundred. Those that cannot be read any more, since the repository has
    gone or lost them, are left out.
    """
    found: list[CommitView] = []
    with suppress(MuseError):
        repository = Repository.open_at(Path(path))
        commit_id = CommitId(head)
        while len(found) < min(count, _MAX_LISTED) and commit_id != previous_head:
            commit = repository.read_commit(commit_id)
            message = next(iter(commit.message.splitlines()), "")
            found.append(CommitView(commit.id, message[:500], commit.author, commit.committed_at))
            if not commit.parents:
                break
            commit_id = commit.parents[0]
    return found
