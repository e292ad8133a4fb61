"""Every request that the terminal interface makes of the daemon, with the type of its answer.

Each function returns a :data:`Request`: a function that the app calls in a background thread with a client. A request
raises :class:`MuseError` when the daemon refuses or cannot be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import quote

from museui.core.errors import error_from_code
from museui.local.client import LocalClient
from museui.local.messages import Check, CommitView, PushView, QueueView, RepositoryView, decode

if TYPE_CHECKING:
    from museui.core.wire import Storage

T = TypeVar("T")
Request: TypeAlias = Callable[[LocalClient], T]
"""A request whose answer is a ``T``. A ``Request[str]`` returns the sentence to show when it succeeded."""
Usual: TypeAlias = dict[str, dict[str, Any]]
"""Statistics of a repository's recent pushes: phase, or ``total`` → ``p50_s`` and ``p95_s`` in seconds."""


def push(repository: RepositoryView, branch: str) -> Request[str]:
    """Push a branch now. The request raises the error that the push ended with."""
    body = {"path": repository.path, "branch": branch}
    if repository.wanted_remote:
        body["remote"] = repository.wanted_remote

    def request(client: LocalClient) -> str:
        document: dict[str, Any] = {}
        for line in client.stream("POST", "pushes", body):
            document = line.get("document") or document
        error = document.get("error")
        if error:
            raise error_from_code(error["code"], error["message"], error.get("hint") or "", error.get("details") or {})
        return f"{repository.name} was up to date" if document.get("up_to_date") else f"{repository.name} is pushed"

    return request


def retry(entries: Sequence[QueueView]) -> Request[str]:
    """Retry queue entries now."""
    return _for_each(entries, "retry", "tried again")


def cancel(entries: Sequence[QueueView]) -> Request[str]:
    """Take entries out of the queue until their branch has another commit."""
    return _for_each(entries, "cancel", "cancelled, until the next commit")


def _for_each(entries: Sequence[QueueView], verb: str, done: str) -> Request[str]:
    def request(client: LocalClient) -> str:
        for entry in entries:
            client.post(f"queue/{entry.id}/{verb}")
        return f"{', '.join(entry.branch for entry in entries)}: {done}"

    return request


def retry_all(client: LocalClient) -> str:
    """Ask every hub that did not answer again, and retry the whole queue."""
    retried = client.post("queue/retry")["retried"]
    return f"the hubs are asked; {retried} tried again" if retried else "the hubs are asked"


def pause(repository: RepositoryView, until: float | None = None) -> Request[str]:
    """Pause a repository until a time in Unix seconds; without one, until it is resumed."""

    def request(client: LocalClient) -> str:
        client.post(f"repositories/{repository.id}/pause", {} if until is None else {"until": until})
        return f"{repository.name} is paused" + ("" if until else " until you resume it")

    return request


def resume(repository: RepositoryView) -> Request[str]:
    """End a repository's pause."""

    def request(client: LocalClient) -> str:
        client.post(f"repositories/{repository.id}/resume")
        return f"{repository.name} is no longer paused"

    return request


def watch(path: str, remote: str = "") -> Request[str]:
    """Watch the repository at ``path``. ``remote`` is a name or a URL; empty: the one it has."""
    body = {"path": path} | ({"remote": remote} if remote else {})

    def request(client: LocalClient) -> str:
        view = decode(RepositoryView, client.post("repositories", body)["repository"])
        return f"{view.name} is watched: every commit is pushed"

    return request


def check_again(repository: RepositoryView) -> Request[str]:
    """Check a repository at once. The request raises the error that remains."""
    body = {"path": repository.path} | ({"remote": repository.wanted_remote} if repository.wanted_remote else {})

    def request(client: LocalClient) -> str:
        client.post("repositories", body)
        return f"{repository.name} was checked again"

    return request


def unwatch(repository: RepositoryView) -> Request[str]:
    """Stop watching a repository."""

    def request(client: LocalClient) -> str:
        client.ask("DELETE", f"repositories/{repository.id}")
        return f"{repository.name} is no longer watched; nothing was deleted"

    return request


def change_settings(repository: RepositoryView, settings: Mapping[str, Any]) -> Request[str]:
    """Change some of a repository's settings."""

    def request(client: LocalClient) -> str:
        client.ask("PATCH", f"repositories/{repository.id}", settings)
        return f"{repository.name}: changed"

    return request


def keep_theme(name: str) -> Request[str]:
    """Keep the theme to start with the next time."""

    def request(client: LocalClient) -> str:
        client.ask("PATCH", "tui", {"theme": name})
        return ""

    return request


def search_repositories(below: str, report: Callable[[dict[str, Any]], bool]) -> Request[None]:
    """Search for repositories below a folder. ``report`` gets each event, in the request's thread; False ends it."""

    def request(client: LocalClient) -> None:
        for event in client.stream("GET", f"found?below={quote(below, safe='/')}"):
            if not report(event):
                return

    return request


def run_doctor(client: LocalClient) -> list[Check]:
    """Have the daemon run its checks."""
    return [decode(Check, check) for check in client.get("doctor")["checks"]]


def fetch_all_usual(client: LocalClient) -> dict[str, Usual]:
    """Return the statistics of every watched repository, by its id."""
    usual: dict[str, Usual] = client.get("usual")["usual"]
    return usual


def fetch_medians(repository_id: str) -> Request[dict[str, float]]:
    """Return the median of each phase and of the ``total``, in seconds; empty for a repository that is not watched."""

    def request(client: LocalClient) -> dict[str, float]:
        usual = fetch_all_usual(client).get(repository_id, {})
        return {name: figure["p50_s"] for name, figure in usual.items()}

    return request


def fetch_commits(push_id: int) -> Request[list[CommitView]]:
    """Return the commits that a push sent, newest first, as far as the repository still has them."""
    return lambda client: [decode(CommitView, item) for item in client.get(f"pushes/{push_id}/commits")["commits"]]


def fetch_pushes(before: int | None = None, limit: int = 500) -> Request[list[PushView]]:
    """Return a page of the history, newest first: pushes whose number is below ``before``."""
    query = f"limit={limit}" + (f"&before={before}" if before is not None else "")
    return lambda client: [decode(PushView, item) for item in client.get(f"pushes?{query}")["pushes"]]


def fetch_last_push(repository_id: str) -> Request[PushView | None]:
    """Return the newest push of a repository that has ended."""

    def request(client: LocalClient) -> PushView | None:
        pushes = client.get(f"pushes?repository={repository_id}&limit=1")["pushes"]
        return decode(PushView, pushes[0]) if pushes else None

    return request


def fetch_storage(base: str) -> Request[Storage | None]:
    """Return the person's storage use on the hub ``base``; None when the hub does not report it."""

    def request(client: LocalClient) -> Storage | None:
        from museui.core.wire import Storage, parse

        storage = client.get(f"hubs/storage?base={quote(base, safe='')}")["storage"]
        return None if storage is None else parse(Storage, storage)

    return request
