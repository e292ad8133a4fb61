"""A push through the daemon that runs: queue, history and whoever looks on know of it, the answer is the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ..core.errors import Interrupted, MuseError, Unreachable
from ..core.phases import PhaseEnded, PhaseEvent, PhaseProgressed, PhaseStarted
from ..local.places import find_socket
from ..settings.tokens import TOKEN_VARIABLE

_PATIENCE_S = 5.0


def push_through_daemon(
    root: Path,
    remote: str | None,
    branches: list[str],
    token: str | None,
    listener: Callable[[PhaseEvent], None],
) -> list[dict[str, Any]]:
    """Push each branch; their documents, also of what the daemon refuses. None when no daemon runs.

    ``token``: the one for this hub, which the daemon would not find by itself when the environment has it.
    """
    if not find_socket().exists() or os.environ.get("MUSEUI_CA"):
        return []  # the daemon does not know what this process is to trust
    from ..local.client import LocalClient, NoDaemon

    client = LocalClient()
    given = token if os.environ.get(TOKEN_VARIABLE) else None
    documents = []
    for branch in branches:
        body = {
            "path": str(root),
            "remote": remote,
            "branch": branch,
            "token": given,
        }
        try:
            try:
                documents.append(_follow(client.stream("POST", "pushes", body), listener))
            except KeyboardInterrupt:
                documents.append(_leave({name: body[name] for name in ("path", "remote", "branch")}))
        except Interrupted:
            raise
        except MuseError as exc:
            if isinstance(exc, NoDaemon) and not documents:
                return []
            documents.append({"ok": False, "branch": branch, "error": exc.to_json(), "phases": []})
    return documents


def _leave(push: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a push that was whole before it could be ended. Raises :class:`Interrupted` saying what holds."""
    from ..local.client import LocalClient

    try:
        answer = LocalClient(timeout_s=_PATIENCE_S).post("pushes/leave", push)
    except MuseError:
        raise Interrupted(
            "interrupted; the daemon may go on with the push", hint="`museui queue list` shows it."
        ) from None
    document: dict[str, Any] | None = answer["document"]
    if document and document["ok"]:
        return document
    if answer["goes_on"]:
        raise Interrupted(
            "interrupted; the daemon goes on with the push",
            hint="`museui queue list` shows it, `museui queue cancel` ends it, `museui watch pause` ends all of them.",
        ) from None
    if document:
        raise Interrupted("interrupted; the push was ended") from None
    raise Interrupted("interrupted; the push was over", hint="`museui status` shows what came of it.") from None


def _follow(events: Iterator[dict[str, Any]], listener: Callable[[PhaseEvent], None]) -> dict[str, Any]:
    """The push's document. An interrupt leaves the connection open: the daemon still counts who waits."""
    heard: SimpleQueue[dict[str, Any] | MuseError | None] = SimpleQueue()
    Thread(target=_listen, args=(events, heard), name="listening", daemon=True).start()
    while event := heard.get():
        if isinstance(event, MuseError):
            raise event
        if event["event"] == "result":
            document: dict[str, Any] = event["document"]
            return document
        listener(_phase_event(event))
    raise Unreachable(
        "the daemon ended while it pushed", hint="Start it again and it goes on; or push with --no-daemon."
    )


def _listen(events: Iterator[dict[str, Any]], heard: SimpleQueue[dict[str, Any] | MuseError | None]) -> None:
    try:
        for event in events:
            heard.put(event)
    except MuseError as exc:
        heard.put(exc)
    finally:
        heard.put(None)


def _phase_event(event: Mapping[str, Any]) -> PhaseEvent:
    name = event["name"]
    if event["event"] == "started":
        return PhaseStarted(name)
    if event["event"] == "ended":
        return PhaseEnded(name, event["seconds"], event["ok"], event["detail"])
    return PhaseProgressed(name, event["seconds"], event["done"], event["total"], event["unit"])
