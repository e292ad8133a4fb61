"""What a person can ask of the daemon: done in a thread with its client; each gives what to say when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from museui.core.errors import error_from_code
from museui.local.client import LocalClient
from museui.local.messages import CommitView, PushView, QueueView, RepositoryView, decode

if TYPE_CHECKING:
    from museui.core.wire import Storage

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
    if repository.paused:
        return resume(repository)

    def work(client: LocalClient) -> str:
        client.post(f"repositories/{repository.id}/pause")
        return f"{repository.name} is paused: the same key goes on"

    return work


def fetch_usual(client: LocalClient, repository_id: str) -> dict[str, float]:
    """The median of each phase and of the ``total``, in seconds, for a repository; nothing for one not watched."""
    figures = client.get("usual")["usual"].get(repository_id, {})
    return {name: figure["p50_s"] for name, figure in figures.items()}


def fetch_commits(client: LocalClient, push_id: int) -> list[CommitView]:
    """What a push sent, newest first, as far as it can be read."""
    return [decode(CommitView, item) for item in client.get(f"pushes/{push_id}/commits")["commits"]]


def fetch_pushes(client: LocalClient, before: int | None = None, limit: int = 500) -> list[PushView]:
    """A page of the history, the newest first, those with smaller numbers than ``before``."""
    query = f"limit={limit}" + (f"&before={before}" if before is not None else "")
    return [decode(PushView, item) for item in client.get(f"pushes?{query}")["pushes"]]


def fetch_last_push(client: LocalClient, repository_id: str) -> PushView | None:
    """The newest push of a repository that is over."""
    pushes = client.get(f"pushes?repository={repository_id}&limit=1")["pushes"]
    return decode(PushView, pushes[0]) if pushes else None


def fetch_storage(client: LocalClient, base: str) -> Storage | None:
    """What one's repositories take on the hub ``base``; None from a hub that does not say."""
    from museui.core.wire import Storage, parse

    storage = client.get(f"hubs/storage?base={quote(base, safe='')}")["storage"]
    return None if storage is None else parse(Storage, storage)


def watch(path: str, remote: str = "") -> Wish:
    """Look after the repository at ``path``; ``remote``: a name or a URL, empty for the one it has."""
    body = {"path": path} | ({"remote": remote} if remote else {})

    def work(client: LocalClient) -> str:
        view = decode(RepositoryView, client.post("repositories", body)["repository"])
        return f"{view.name} is looked after: every commit is pushed"

    return work


def look_again(repository: RepositoryView) -> Wish:
    """Look at it at once. The wish raises what is still wrong with it."""

    body = {"path": repository.path} | ({"remote": repository.wanted_remote} if repository.wanted_remote else {})

    def work(client: LocalClient) -> str:
        client.post("repositories", body)
        return f"{repository.name} was looked at again"

    return work


def unwatch(repository: RepositoryView) -> Wish:
    """Look after it no longer."""

    def work(client: LocalClient) -> str:
        client.ask("DELETE", f"repositories/{repository.id}")
        return f"{repository.name} is no longer looked after; nothing was deleted"

    return work


def change(repository: RepositoryView, body: Mapping[str, Any]) -> Wish:
    """Change its settings."""

    def work(client: LocalClient) -> str:
        client.ask("PATCH", f"repositories/{repository.id}", body)
        return f"{repository.name}: changed"

    return work


def pause_until(repository: RepositoryView, until: float | None) -> Wish:
    """Pause it until a time in seconds since 1970; None: without an end."""

    def work(client: LocalClient) -> str:
        client.post(f"repositories/{repository.id}/pause", {} if until is None else {"until": until})
        return f"{repository.name} is paused"

    return work


def resume(repository: RepositoryView) -> Wish:
    """Push again."""

    def work(client: LocalClient) -> str:
        client.post(f"repositories/{repository.id}/resume")
        return f"{repository.name} goes on"

    return work


def keep_theme(name: str) -> Wish:
    """Begin with this theme the next time."""

    def work(client: LocalClient) -> str:
        client.ask("PATCH", "tui", {"theme": name})
        return ""

    return work


def probe(client: LocalClient) -> str:
    """Ask the hubs that are gone, and try again what waits."""
    retried = client.post("queue/retry")["retried"]
    return f"the hubs are asked; {retried} tried again" if retried else "the hubs are asked"
