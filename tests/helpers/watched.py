"""Repositories for a daemon to watch, and what arrived of them on the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.helpers.hub import HubProcess
from tests.helpers.workload import RepositoryBuilder


def make_repository(folder: Path, hub: HubProcess | str, slug: str) -> RepositoryBuilder:
    """A repository without commits in ``folder/slug`` whose ``origin`` is that repository of the hub (or a URL)."""
    url = hub if isinstance(hub, str) else hub.repository(slug)
    made = RepositoryBuilder(folder / slug)
    (made.muse / "config.toml").write_text(f'[remotes.origin]\nurl = "{url}"\n')
    return made


def heads(hub: HubProcess, slug: str) -> dict[str, str]:
    """The hub's branches and their heads, bare hex."""
    return {name: head[7:] for name, head in _get(hub, slug, "refs").get("branch_heads", {}).items()}


def moves(hub: HubProcess, slug: str) -> list[str]:
    """The heads that pushes moved branches to, oldest first; not those of pushes that found the branch there."""
    page = _get(hub, slug, "pushes", limit=200)
    found = page.get("pushes", [])
    while page.get("next"):
        page = _get(hub, slug, "pushes", limit=200, before=page["next"])
        found += page["pushes"]
    return [push["head"][7:] for push in reversed(found) if push["head"] != push["previous_head"]]


def _get(hub: HubProcess, slug: str, path: str, **query: str | int) -> Any:
    headers = {**hub.headers, "Accept": "application/json"}
    return httpx.get(f"{hub.repository(slug)}/{path}", headers=headers, params=query).json()
