"""What keeps commits from being safe, as far as the daemon can see it: each finding with what to do."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from museui.core.errors import MuseError
from museui.doctor.hub import examine_hub
from museui.doctor.machine import examine_machine
from museui.hub.url import parse_repository_url
from museui.local.messages import Check, encode
from museui.settings.tokens import token_for
from museui.sync.spool import default_folder

if TYPE_CHECKING:
    from .service import Service


async def examine(service: Service) -> list[Check]:
    """Look at everything; asks every hub."""
    hubs = await asyncio.gather(*(_examine_hub(service, base) for base in list(service.board.items("hubs"))))
    checks = [
        *_find_troubles(service),
        _check_watching(service),
        *await asyncio.to_thread(examine_machine, service.places, default_folder()),
        *(check for checks in hubs for check in checks),
    ]
    for view in service.board.items("repositories").values():
        trouble = view["trouble"] or _find_refusal(service, view["path"])
        if trouble is None:
            checks.append(Check(f"repository {view['path']}", True, view["state"]))
        else:
            checks.append(Check(f"repository {view['path']}", False, trouble["message"], trouble["hint"]))
    return checks


def _find_refusal(service: Service, path: str) -> dict[str, Any] | None:
    """Why a branch of the repository waits for a person."""
    stopped = (entry.error for entry in service.queue.of(path) if entry.state == "stopped" and entry.error)
    return next((encode(error) for error in stopped), None)


async def _examine_hub(service: Service, base: str) -> list[Check]:
    try:
        token = await asyncio.to_thread(token_for, base, os.environ)
    except MuseError as exc:
        return [Check(f"hub {base}", False, exc.message, exc.hint)]
    urls = (parse_repository_url(seen.url) for seen in list(service.roster.seen.values()) if seen.url)
    url = next((url for url in urls if url.base == base), None)
    return await examine_hub(base, token, service.trust(base), url)


def _find_troubles(service: Service) -> list[Check]:
    (daemon,) = service.board.items("daemon").values()
    found = [Check("daemon", False, trouble["message"], trouble["hint"]) for trouble in daemon["troubles"]]
    return found or [Check("daemon", True, "database and configuration are in order")]


def _check_watching(service: Service) -> Check:
    (daemon,) = service.board.items("daemon").values()
    if trouble := daemon["watching_trouble"]:
        return Check("watching", False, f"{trouble['message']}; repositories are polled instead", trouble["hint"])
    return Check("watching", True, f"{daemon['watches']} folders are watched")
