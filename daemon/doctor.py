"""What keeps commits from being safe, as far as the daemon can see it: each finding with what to do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from museui.core.errors import MuseError, Unreachable
from museui.core.figures import render_count
from museui.doctor.hub import examine_hub
from museui.doctor.machine import examine_machine
from museui.hub.url import parse_repository_url
from museui.local.messages import Check
from museui.settings.tokens import token_for
from museui.sync.kept_bundles import kept_bundles_folder

from .service import Service

_COMPARING_S = 30.0
"""Seconds that hubs have to say where all branches are; later ones are shown as last seen."""


async def examine(service: Service) -> list[Check]:
    """Look at everything; asks every hub, and for each repository where its branches are."""
    service.comparing.ask()
    with suppress(TimeoutError):
        async with asyncio.timeout(_COMPARING_S):
            await service.comparing.settled()
            await service.roster.settled()
    hubs = await asyncio.gather(*(_examine_hub(service, base) for base in list(service.board.items("hubs"))))
    checks = [
        *_find_troubles(service),
        _check_watching(service),
        *await asyncio.to_thread(examine_machine, service.places, kept_bundles_folder()),
        *(check for checks in hubs for check in checks),
    ]
    return [*checks, *map(_describe, service.board.items("repositories").values())]


def _describe(view: Mapping[str, Any]) -> Check:
    """Say how a repository stands. That its hub cannot be reached is the hub's own check."""
    name, unchecked = f"repository {view['path']}", view["unchecked"]
    if trouble := view["trouble"]:
        return Check(name, False, trouble["message"], trouble["hint"])
    if unchecked is None:
        return Check(name, True, view["state"])
    message = f"{view['state']}, as last seen: {unchecked['message']}"
    return Check(name, unchecked["code"] == Unreachable.code, message, unchecked["hint"])


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
    verb = "is" if daemon["watches"] == 1 else "are"
    return Check("watching", True, f"{render_count(daemon['watches'], 'folder')} {verb} watched")
