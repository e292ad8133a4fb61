"""What is looked after, and what could be: list, find, add, change, remove, pause, resume."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from museui.core.errors import Invalid, MuseError, Usage
from museui.hub.url import parse_repository_url
from museui.local.messages import encode
from museui.repo.remotes import name_remote
from museui.repo.repository import Repository
from museui.settings.config import FOREVER, Watched, parse_watched
from museui.settings.notify import parse_minutes
from museui.settings.tokens import note_named_hub

from ..repositories.look import find_remote
from ..repositories.search import Search
from ..service import Service
from .fields import check_file_path, check_known, need_path, take, take_texts
from .server import Lines, Request

_SETTINGS = {"remote", "branches", "snapshot_on_change", "unsafe_after_minutes"}


async def get_repositories(service: Service, request: Request) -> dict[str, Any]:
    """Every repository."""
    return {"repositories": list(service.board.items("repositories").values())}


async def get_repository(service: Service, request: Request, repository_id: str) -> dict[str, Any]:
    """One repository."""
    service.repository(repository_id)
    return {"repository": service.board.items("repositories")[repository_id]}


async def post_repositories(service: Service, request: Request) -> dict[str, Any]:
    """Look after the repository at ``path``: again with other settings, or a new one."""
    check_known(request.body, {"path", *_SETTINGS})
    path = need_path(request.body, "path")
    root, remote = await asyncio.to_thread(_find_root, path, take(request.body, "remote", str))
    settings = request.body | ({"remote": remote} if remote else {})
    known = service.roster.watched.get(root)
    former = None if known else await asyncio.to_thread(_find_former, service, root)
    watched = _settings(
        settings, replace(service.roster.watched[former], path=root) if former else known or Watched(root)
    )
    await service.configure(service.config_file.put, watched, former)
    await service.roster.settled()
    view = service.board.items("repositories")[watched.id]
    return {"ok": True, "repository": view, "added": known is None, "moved_from": former}


async def get_found(service: Service, request: Request) -> Lines:
    """The repositories below a folder, told as they are found."""
    below = request.query.get("below", "")
    check_file_path(below, "below")
    if not Path(below).is_absolute():
        raise Invalid(f"field 'below' is not an absolute path: {below!r:.200}")
    return _find(await asyncio.to_thread(Search, below))


async def _find(search: Search) -> Lines:
    while not search.ended:
        found = await asyncio.to_thread(search.look_on)
        lines: list[Any] = [{"event": "found", "repository": encode(item)} for item in found]
        yield [*lines, {"event": "looked", "folders": search.folders}]
    counts = {"folders": search.folders, "unreadable": search.unreadable, "complete": search.complete}
    yield [{"event": "end", **counts}]


async def patch_repository(service: Service, request: Request, repository_id: str) -> dict[str, Any]:
    """Change a repository's settings."""
    check_known(request.body, _SETTINGS)
    settings = dict(request.body)
    if "://" in (take(settings, "remote", str) or ""):
        with suppress(MuseError):  # its folder may be gone; the remote gets a name when it is back
            _, settings["remote"] = await asyncio.to_thread(
                _find_root, service.repository(repository_id), settings["remote"]
            )
    return await _change(service, repository_id, lambda watched: _settings(settings, watched))


async def delete_repository(service: Service, request: Request, repository_id: str) -> dict[str, Any]:
    """Look after it no longer; its history stays."""
    path = service.repository(repository_id)
    await service.configure(service.config_file.remove, path)
    return {"ok": True, "removed": path}


async def post_pause(service: Service, request: Request, repository_id: str) -> dict[str, Any]:
    """Push nothing of it, ``for_s`` seconds long, ``until`` a time of day, or until it is resumed."""
    check_known(request.body, {"for_s", "until"})
    for_s, until = take(request.body, "for_s", float), take(request.body, "until", float)
    if for_s is not None:
        until = service.clock.now() + for_s
    if until is not None and until <= service.clock.now():
        raise Invalid("the pause would be over already")
    return await _change(service, repository_id, lambda watched: replace(watched, paused_until=until or FOREVER))


async def post_resume(service: Service, request: Request, repository_id: str) -> dict[str, Any]:
    """Push again."""
    return await _change(service, repository_id, lambda watched: replace(watched, paused_until=None))


async def _change(service: Service, repository_id: str, change: Any) -> dict[str, Any]:
    path = service.repository(repository_id)
    await service.configure(service.config_file.put, change(service.roster.watched[path]))
    return {"ok": True, "repository": service.board.items("repositories")[repository_id]}


def _settings(body: dict[str, Any], watched: Watched) -> Watched:
    if "remote" in body:
        watched = replace(watched, remote=take(body, "remote", str))
    if branches := take_texts(body, "branches"):
        watched = replace(watched, branches=branches)
    snapshot = take(body, "snapshot_on_change", bool)
    if snapshot is not None:
        watched = replace(watched, snapshot_on_change=snapshot)
    if "unsafe_after_minutes" in body:
        minutes = take(body, "unsafe_after_minutes", int)
        if minutes is not None:
            minutes = parse_minutes(minutes, "field 'unsafe_after_minutes'")
        watched = replace(watched, unsafe_after_minutes=minutes)
    return watched


def _find_root(path: str, remote: str | None) -> tuple[str, str | None]:
    """The repository's folder, and the name of ``remote``, which its own ``[remotes]`` has from now on.

    Raises :class:`Usage` when there is none, or no such remote, and what writing raises.
    """
    if not Path(path).is_absolute():
        raise Usage(f"not an absolute path: {path!r:.200}")
    repository = Repository.open(Path(path))
    parse_watched({"path": str(repository.root)})
    found = find_remote(repository, remote)
    if remote and "://" in remote:
        note_named_hub(parse_repository_url(remote).base)
    named = remote and (name_remote(repository, found.url) if found.name == found.url else found.name)
    return str(repository.root), named


def _find_former(service: Service, root: str) -> str | None:
    """Where the repository was looked after before it was moved to ``root``: the same folder, gone from its place."""
    status = (Path(root) / ".muse").stat()
    for path, seen in service.roster.seen.items():
        known = service.roster.remembered.get(path)
        if seen.word == "missing" and known and (known.device, known.inode) == (status.st_dev, status.st_ino):
            return path
    return None
