"""What a person can ask of the daemon: done in a thread with its client; each gives what to say when it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from museui.core.errors import error_from_code
from museui.local.client import LocalClient
from museui.local.messages import QueueView, RepositoryView

Wish = Callable[[LocalClient], str]


def push(repository: RepositoryView, branch: str) -> Wish:
    """Push a branch now. The wish raises what the push came to."""
    body = {"path": repository.path, "branch": branch}
    if repository.wanted_remote:
        body["remote"] = repository.wanted_remote

    def work(client: LocalClient) -> str:
        document: dict[str, Any] = {}
        for line in client.stream("POST", "pushes", body):
            document = line.get("document") or document
        error = document.get("error")
        if error:
            raise error_from_code(error["code"], error["message"], error.get("hint") or "", error.get("details") or {})
        return f"{repository.name} was up to date" if document.get("up_to_date") else f"{repository.name} is pushed"

    return work


def retry(entries: Sequence[QueueView]) -> Wish:
    """Try again now."""
    return _each(entries, "retry", "tried again")


def cancel(entries: Sequence[QueueView]) -> Wish:
    """Leave it until the next commit."""
    return _each(entries, "cancel", "cancelled, until the next commit")


def _each(entries: Sequence[QueueView], verb: str, said: str) -> Wish:
    def work(client: LocalClient) -> str:
        for entry in entries:
            client.post(f"queue/{entry.id}/{verb}")
        return f"{', '.join(entry.branch for entry in entries)}: {said}"

    return work


def pause(repository: RepositoryView) -> Wish:
    """Pause it without an end, or go on when it is paused."""
    verb, said = ("resume", "goes on") if repository.paused else ("pause", "is paused: the same key goes on")

    def work(client: LocalClient) -> str:
        client.post(f"repositories/{repository.id}/{verb}")
        return f"{repository.name} {said}"

    return work
